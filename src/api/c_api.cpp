// The C interface: sinter/sinter.h over the C++ one. No exception leaves a function of this file.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "core/error.h"
#include "sinter/engine.h"
#include "sinter/sinter.h"
#include "sinter/version.h"

struct sinter_engine {
  sinter::Engine engine;
};

struct sinter_mesh {
  sinter::Mesh mesh;
  sinter::Provenance provenance;
};

namespace {

using sinter::ErrorCode;

sinter_status report(sinter_error* error, sinter_status status, const char* message) {
  if (error != nullptr) {
    error->status = status;
    const std::size_t length = std::min(std::strlen(message), sizeof error->message - 1);
    std::memcpy(error->message, message, length);
    error->message[length] = '\0';
  }
  return status;
}

/// Runs a function body and turns what it throws into a status and a message.
template <class Body>
sinter_status guarded(sinter_error* error, Body&& body) noexcept {
  try {
    body();
    return report(error, SINTER_OK, "");
  } catch (const sinter::Error& e) {
    return report(error, static_cast<sinter_status>(sinter::exit_code(e.code())), e.what());
  } catch (const std::bad_alloc&) {
    return report(error, SINTER_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return report(error, SINTER_INTERNAL, e.what());
  } catch (...) {
    return report(error, SINTER_INTERNAL, "defect: unknown exception");
  }
}

void check_given(const void* pointer, const char* what) {
  SINTER_CHECK(pointer != nullptr,
               ErrorCode::invalid_argument,
               "[sinter.h] ",
               what,
               ": expected a pointer, got null");
}

/// Defaults, overwritten by as much as the caller's struct has.
template <class Options>
Options complete(const Options* given, void (*init)(Options*, std::size_t), const char* name) {
  Options options;
  init(&options, sizeof options);
  if (given == nullptr) return options;
  SINTER_CHECK(given->size >= sizeof given->size && given->size <= 65536,
               ErrorCode::invalid_argument,
               "[sinter.h] ",
               name,
               ": expected a struct filled by its _init function, got size ",
               given->size);
  std::memcpy(&options, given, std::min(given->size, sizeof options));
  return options;
}

/// Copies defaults into a struct that may be older and shorter, or newer and longer.
template <class Options>
void init(Options* options, std::size_t size, Options defaults) {
  if (options == nullptr) return;
  std::memset(options, 0, size);
  defaults.size = size;
  std::memcpy(options, &defaults, std::min(size, sizeof defaults));
}

sinter::GenerateOptions to_cpp(const sinter_generate_options& c) {
  SINTER_CHECK(c.noise >= 0 && c.noise < static_cast<int>(sinter::kNoises.size()),
               ErrorCode::invalid_argument,
               "[sinter.h] noise: expected a sinter_noise, got ",
               c.noise);
  SINTER_CHECK(c.decode >= SINTER_DECODE_DENSE && c.decode <= SINTER_DECODE_FLASHVDM,
               ErrorCode::invalid_argument,
               "[sinter.h] decode: expected a sinter_decode, got ",
               c.decode);
  sinter::GenerateOptions options;
  if (c.steps != 0) options.steps = c.steps;
  if (!std::isnan(c.guidance)) options.guidance = c.guidance;
  options.seed = c.seed;
  options.noise = static_cast<sinter::Noise>(c.noise);
  options.octree = c.octree;
  options.decode = static_cast<sinter::Decode>(c.decode);
  options.level = c.level;
  options.box = c.box;
  options.faces = c.faces;
  options.remove_floaters = c.remove_floaters != 0;
  return options;
}

std::vector<sinter::Picture> to_cpp(const sinter_picture& c) {
  sinter::Picture picture;
  if (c.path != nullptr) picture.path = c.path;
  if (c.bytes != nullptr) picture.bytes.assign(static_cast<const char*>(c.bytes), c.byte_count);
  if (c.rgba != nullptr) {
    constexpr int kMostSide = 16384;
    SINTER_CHECK(c.width >= 1 && c.width <= kMostSide && c.height >= 1 && c.height <= kMostSide,
                 ErrorCode::invalid_argument,
                 "[sinter.h] picture: expected sides of 1..",
                 kMostSide,
                 ", got ",
                 c.width,
                 " x ",
                 c.height);
    picture.rgba.assign(c.rgba, c.rgba + std::size_t{4} * c.width * c.height);
    picture.width = c.width;
    picture.height = c.height;
  }
  return {picture};
}

}  // namespace

extern "C" {

const char* sinter_version(void) {
  return SINTER_VERSION;
}

const char* sinter_status_name(sinter_status status) {
  if (status == SINTER_OK) return "ok";
  if (status < SINTER_INVALID_ARGUMENT || status > SINTER_INTERNAL) return "unknown";
  return sinter::to_string(static_cast<ErrorCode>(status - SINTER_INVALID_ARGUMENT));
}

void sinter_engine_options_init(sinter_engine_options* options, size_t size) {
  init(options, size, sinter_engine_options{});
}

sinter_status sinter_engine_create(const char* model,
                                   const sinter_engine_options* options,
                                   sinter_engine** engine,
                                   sinter_error* error) {
  return guarded(error, [&] {
    check_given(engine, "engine");
    *engine = nullptr;
    check_given(model, "model");
    const sinter_engine_options c =
        complete(options, sinter_engine_options_init, "sinter_engine_options");
    sinter::EngineOptions cpp;
    cpp.threads = c.threads;
    cpp.keep_weights = c.keep_weights != 0;
    if (c.warn != nullptr) {
      cpp.warn = [c](const std::string& text) { c.warn(text.c_str(), c.warn_user); };
    }
    *engine = new sinter_engine{sinter::Engine(model, std::move(cpp))};
  });
}

void sinter_engine_free(sinter_engine* engine) {
  delete engine;
}

void sinter_generate_options_init(sinter_generate_options* options, size_t size) {
  const sinter::GenerateOptions cpp;
  sinter_generate_options c{};
  c.guidance = std::nan("");
  c.seed = cpp.seed;
  c.noise = static_cast<int32_t>(cpp.noise);
  c.octree = cpp.octree;
  c.decode = static_cast<int32_t>(cpp.decode);
  c.level = cpp.level;
  c.box = cpp.box;
  c.faces = cpp.faces;
  c.remove_floaters = cpp.remove_floaters ? 1 : 0;
  init(options, size, c);
}

sinter_status sinter_generate(sinter_engine* engine,
                              const sinter_picture* picture,
                              const sinter_generate_options* options,
                              sinter_progress_callback progress,
                              void* progress_user,
                              sinter_mesh** mesh,
                              sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    *mesh = nullptr;
    check_given(engine, "engine");
    check_given(picture, "picture");
    const sinter::ProgressCallback callback = [&](const sinter::Progress& now) {
      if (progress == nullptr) return true;
      const sinter_progress c{
          now.stage, now.stage_fraction, now.total, now.seconds, now.seconds_left};
      return progress(&c, progress_user) != 0;
    };
    sinter::GenerateResult result = engine->engine.generate(
        to_cpp(*picture),
        to_cpp(complete(options, sinter_generate_options_init, "sinter_generate_options")),
        callback);
    *mesh = new sinter_mesh{std::move(result.mesh), std::move(result.provenance)};
  });
}

sinter_status sinter_mesh_create(const float* positions,
                                 size_t vertex_count,
                                 const uint32_t* faces,
                                 size_t face_count,
                                 sinter_mesh** mesh,
                                 sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    *mesh = nullptr;
    if (vertex_count > 0) check_given(positions, "positions");
    if (face_count > 0) check_given(faces, "faces");
    sinter::Mesh made;
    made.positions.resize(vertex_count);
    made.faces.resize(face_count);
    for (std::size_t i = 0; i < vertex_count; ++i) {
      std::copy_n(positions + 3 * i, 3, made.positions[i].begin());
    }
    for (std::size_t i = 0; i < face_count; ++i) {
      std::copy_n(faces + 3 * i, 3, made.faces[i].begin());
      for (const std::uint32_t index : made.faces[i]) {
        SINTER_CHECK(index < vertex_count,
                     ErrorCode::invalid_argument,
                     "[sinter.h] faces: expected indices below ",
                     vertex_count,
                     ", got ",
                     index);
      }
    }
    *mesh = new sinter_mesh{std::move(made), {}};
  });
}

sinter_status sinter_mesh_read(const char* path, sinter_mesh** mesh, sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    *mesh = nullptr;
    check_given(path, "path");
    *mesh = new sinter_mesh{sinter::read_mesh(path), {}};
  });
}

void sinter_mesh_free(sinter_mesh* mesh) {
  delete mesh;
}

size_t sinter_mesh_vertex_count(const sinter_mesh* mesh) {
  return mesh == nullptr ? 0 : mesh->mesh.positions.size();
}

size_t sinter_mesh_face_count(const sinter_mesh* mesh) {
  return mesh == nullptr ? 0 : mesh->mesh.faces.size();
}

const float* sinter_mesh_positions(const sinter_mesh* mesh) {
  static_assert(sizeof(sinter::Mesh{}.positions[0]) == 3 * sizeof(float));
  return mesh == nullptr || mesh->mesh.positions.empty() ? nullptr
                                                         : mesh->mesh.positions.front().data();
}

const uint32_t* sinter_mesh_faces(const sinter_mesh* mesh) {
  static_assert(sizeof(sinter::Mesh{}.faces[0]) == 3 * sizeof(uint32_t));
  return mesh == nullptr || mesh->mesh.faces.empty() ? nullptr : mesh->mesh.faces.front().data();
}

sinter_status sinter_mesh_write(const sinter_mesh* mesh, const char* path, sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    check_given(path, "path");
    sinter::write_mesh(path, mesh->mesh, mesh->provenance);
  });
}

sinter_status sinter_mesh_encode(const sinter_mesh* mesh,
                                 const char* format,
                                 void** bytes,
                                 size_t* byte_count,
                                 sinter_error* error) {
  return guarded(error, [&] {
    check_given(bytes, "bytes");
    *bytes = nullptr;
    check_given(byte_count, "byte_count");
    *byte_count = 0;
    check_given(mesh, "mesh");
    check_given(format, "format");
    sinter::MeshWriteOptions write;
    write.format = format;
    const std::vector<std::uint8_t> encoded =
        sinter::encode_mesh(mesh->mesh, write, mesh->provenance);
    void* block = std::malloc(std::max<std::size_t>(1, encoded.size()));
    if (block == nullptr) throw std::bad_alloc();
    if (!encoded.empty()) std::memcpy(block, encoded.data(), encoded.size());
    *bytes = block;
    *byte_count = encoded.size();
  });
}

void sinter_bytes_free(void* bytes) {
  std::free(bytes);
}

sinter_status sinter_mesh_check(const sinter_mesh* mesh,
                                int32_t threads,
                                sinter_mesh_report* report,
                                sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    check_given(report, "report");
    const std::size_t size = report->size;
    SINTER_CHECK(size >= sizeof report->size && size <= 65536,
                 ErrorCode::invalid_argument,
                 "[sinter.h] report: expected size sizeof(sinter_mesh_report), got ",
                 size);
    const sinter::MeshReport cpp = sinter::check_mesh(mesh->mesh, threads);
    sinter_mesh_report c{};
    c.vertices = cpp.vertices;
    c.faces = cpp.faces;
    c.components = cpp.components;
    c.boundary_edges = cpp.boundary_edges;
    c.non_manifold_edges = cpp.non_manifold_edges;
    c.self_intersections = cpp.self_intersections;
    c.genus = cpp.genus;
    c.watertight = cpp.watertight ? 1 : 0;
    c.sound = cpp.sound ? 1 : 0;
    c.volume = cpp.volume;
    c.area = cpp.area;
    init(report, size, c);
  });
}

}  // extern "C"
