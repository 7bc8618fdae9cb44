#include "io/xml_events.h"

#include <expat.h>

#include <algorithm>
#include <exception>
#include <string>

namespace sinter::io {
namespace {

/// expat holds a token until it is complete; no token of a sane file is longer than this.
constexpr std::int64_t kLongestToken = 1 << 20;

class Parser {
 public:
  explicit Parser(XmlHandler& handler)
      : handler_(handler), parser_(XML_ParserCreateNS("UTF-8", '|')) {
    if (parser_ == nullptr) throw std::bad_alloc();
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(parser_, on_start, on_end);
    XML_SetStartNamespaceDeclHandler(parser_, on_prefix);
    XML_SetStartDoctypeDeclHandler(parser_, on_doctype);
  }
  ~Parser() { XML_ParserFree(parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  bool feed(std::span<const std::uint8_t> piece, bool last) {
    fed_ += static_cast<std::int64_t>(piece.size());
    const auto status = XML_Parse(parser_,
                                  reinterpret_cast<const char*>(piece.data()),
                                  static_cast<int>(piece.size()),
                                  last ? XML_TRUE : XML_FALSE);
    if (error_) std::rethrow_exception(error_);
    too_long_ =
        status == XML_STATUS_OK && !last && fed_ - XML_GetCurrentByteIndex(parser_) > kLongestToken;
    return status == XML_STATUS_OK && !too_long_;
  }

  std::string problem() const {
    if (has_doctype_) return "a document type definition is not allowed";
    if (too_long_) return "a tag is longer than a megabyte";
    return XML_ErrorString(XML_GetErrorCode(parser_));
  }
  std::uint64_t line() const { return XML_GetCurrentLineNumber(parser_); }

 private:
  /// expat is C: exceptions wait until it has returned.
  template <class Body>
  void guarded(Body&& body) {
    if (error_) return;
    try {
      body();
    } catch (...) {
      error_ = std::current_exception();
      XML_StopParser(parser_, XML_FALSE);
    }
  }
  static Parser& self(void* user) { return *static_cast<Parser*>(user); }
  static void XMLCALL on_start(void* user, const char* name, const char** attributes) {
    self(user).guarded([&] { self(user).handler_.start(name, XmlAttributes(attributes)); });
  }
  static void XMLCALL on_end(void* user, const char* name) {
    self(user).guarded([&] { self(user).handler_.end(name); });
  }
  static void XMLCALL on_prefix(void* user, const char* prefix, const char* uri) {
    self(user).guarded([&] {
      self(user).handler_.prefix(prefix != nullptr ? prefix : "", uri != nullptr ? uri : "");
    });
  }
  static void XMLCALL on_doctype(void* user, const char*, const char*, const char*, int) {
    self(user).has_doctype_ = true;
    XML_StopParser(self(user).parser_, XML_FALSE);
  }

  XmlHandler& handler_;
  XML_Parser parser_;
  std::exception_ptr error_;
  std::int64_t fed_ = 0;
  bool has_doctype_ = false, too_long_ = false;
};

}  // namespace

std::optional<std::string_view> XmlAttributes::find(std::string_view name) const {
  for (const char* const* pair = pairs_; *pair != nullptr; pair += 2) {
    if (pair[0] != name) continue;
    std::string_view value = pair[1];
    constexpr std::string_view kBlank = " \t\r\n";
    value.remove_prefix(std::min(value.find_first_not_of(kBlank), value.size()));
    return value.substr(0, value.find_last_not_of(kBlank) + 1);
  }
  return std::nullopt;
}

void parse_xml(const MeshSource& source,
               const ZipReader& archive,
               std::size_t entry,
               XmlHandler& handler) {
  Parser parser(handler);
  bool good = true;
  archive.read(entry, [&](std::span<const std::uint8_t> piece) {
    good = parser.feed(piece, false);
    return good;
  });
  if (good) good = parser.feed({}, true);
  if (!good) {
    source.refuse(ErrorCode::corrupt,
                  printable(archive.names()[entry]),
                  ", line ",
                  parser.line(),
                  ": ",
                  parser.problem());
  }
}

}  // namespace sinter::io
