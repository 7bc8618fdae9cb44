#pragma once
// XML out of an archive as a stream of elements: nothing is kept, entities and document types are
// refused. expat does the work.

#include <optional>
#include <string_view>

#include "io/zip_file.h"

namespace sinter::io {

class XmlAttributes {
 public:
  explicit XmlAttributes(const char* const* pairs) : pairs_(pairs) {}
  /// The value of the attribute with that name, blanks at both ends left out.
  std::optional<std::string_view> find(std::string_view name) const;

 private:
  const char* const* pairs_;  // name, value, ..., null
};

/// What a document's reader does. Names are "NAMESPACE|NAME", or "NAME" where there is no
/// namespace. Functions may throw.
class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  virtual void start(std::string_view name, const XmlAttributes& attributes) = 0;
  virtual void end(std::string_view) {}
  /// A prefix stands for a namespace from the next element on.
  virtual void prefix(std::string_view, std::string_view) {}
};

/// Reads an entry to its end. Raises corrupt "[mesh] a.3mf: 3D/a.model, line 7: ..." where it is
/// not well-formed, and what the handler throws.
void parse_xml(const MeshSource& source,
               const ZipReader& archive,
               std::size_t entry,
               XmlHandler& handler);

}  // namespace sinter::io
