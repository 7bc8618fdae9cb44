#pragma once
// The pictures that a mesh file names, each read once, all of them together bounded. What cannot be
// had is a warning: a mesh is worth drawing without its texture.

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "io/mesh_codecs.h"

namespace sinter::io {

class TextureLoader {
 public:
  TextureLoader(const MeshSource& source, MeshLooks& looks) : source_(source), looks_(looks) {}

  /// The place in looks.textures of the picture whose file `read` returns, -1 with a warning where
  /// there is none. `name` tells it from the others and stands for it in messages.
  int load(const std::string& name, const std::function<Bytes()>& read);

  /// One line of each kind, and few in all.
  void warn(const std::string& text);

  /// Runs `body`; an error becomes a warning, but for one of memory. False where there was one.
  template <class Body>
  bool attempt(Body&& body) {
    try {
      std::forward<Body>(body)();
      return true;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::out_of_memory) throw;
      warn(error.message());
      return false;
    }
  }

 private:
  const MeshSource& source_;
  MeshLooks& looks_;
  std::map<std::string, int, std::less<>> known_;
  std::int64_t pixels_ = 0;
};

}  // namespace sinter::io
