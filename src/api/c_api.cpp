// The C interface: sinter/sinter.h over the C++ one. No exception leaves a function of this file.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
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
  double metres_per_unit = 0;
};

namespace {

using sinter::ErrorCode;

/// One a view.
constexpr std::size_t kMostPictures = static_cast<std::size_t>(sinter::View::right) + 1;

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

// The enumerators of the two interfaces have the same numbers; those of axes leave room for none.
template <class C, class Cpp>
constexpr bool same(C c, Cpp cpp) {
  return static_cast<int>(c) == static_cast<int>(cpp);
}
static_assert(same(SINTER_NOISE_TORCH_CUDA, sinter::Noise::torch_cuda));
static_assert(same(SINTER_DECODE_FLASHVDM, sinter::Decode::flashvdm));
static_assert(same(SINTER_FLASHVDM_KEYS_MERGE, sinter::FlashVdmKeys::merge));
static_assert(same(SINTER_FLASHVDM_LEVELS_UPSTREAM, sinter::FlashVdmLevels::upstream));
static_assert(same(SINTER_SOLVER_AB2, sinter::Solver::ab2));
static_assert(same(SINTER_REMOVE_BACKGROUND_OFF, sinter::RemoveBackground::off));
static_assert(same(SINTER_VIEW_RIGHT, sinter::View::right));
static_assert(same(SINTER_AXIS_MINUS_Z - SINTER_AXIS_X, sinter::Axis::minus_z));

/// The enumerator of the same number. Fields are integers, which hold any number.
template <class Enum>
Enum to_enum(std::int32_t value, Enum last, const char* field, const char* type) {
  SINTER_CHECK(value >= 0 && value <= static_cast<int>(last),
               ErrorCode::invalid_argument,
               "[sinter.h] ",
               field,
               ": expected a ",
               type,
               ", got ",
               value);
  return static_cast<Enum>(value);
}

/// Empty where the text is null.
std::string text(const char* given) {
  return given != nullptr ? given : "";
}

sinter::EngineOptions to_cpp(const sinter_engine_options& c) {
  sinter::EngineOptions options;
  options.threads = c.threads;
  options.keep_weights = c.keep_weights != 0;
  if (c.variant != nullptr) options.variant = c.variant;
  options.config = text(c.config);
  if (c.device != nullptr) options.device = c.device;
  if (c.dtype != nullptr) options.dtype = c.dtype;
  options.fp8 = c.fp8 != 0;
  options.vae = text(c.vae);
  options.hash_folder = text(c.hash_folder);
  options.vram_budget = c.vram_budget;
  if (c.warn != nullptr) {
    options.warn = [c](const std::string& line) { c.warn(line.c_str(), c.warn_user); };
  }
  return options;
}

sinter::GenerateOptions to_cpp(const sinter_generate_options& c) {
  sinter::GenerateOptions options;
  if (c.steps != 0) options.steps = c.steps;
  if (!std::isnan(c.guidance)) options.guidance = c.guidance;
  options.seed = c.seed;
  options.noise = to_enum(c.noise, sinter::kNoises.back(), "noise", "sinter_noise");
  options.octree = c.octree;
  options.decode = to_enum(c.decode, sinter::Decode::flashvdm, "decode", "sinter_decode");
  options.flashvdm_keys = to_enum(
      c.flashvdm_keys, sinter::FlashVdmKeys::merge, "flashvdm_keys", "sinter_flashvdm_keys");
  options.flashvdm_levels = to_enum(c.flashvdm_levels,
                                    sinter::FlashVdmLevels::upstream,
                                    "flashvdm_levels",
                                    "sinter_flashvdm_levels");
  options.solver = to_enum(c.solver, sinter::Solver::ab2, "solver", "sinter_solver");
  if (c.cache != nullptr) options.cache = c.cache;
  options.level = c.level;
  options.box = c.box;
  options.faces = c.faces;
  options.remove_floaters = c.remove_floaters != 0;
  options.remove_background = to_enum(c.remove_background,
                                      sinter::RemoveBackground::off,
                                      "remove_background",
                                      "sinter_remove_background");
  options.matting_model = text(c.matting_model);
  options.save_matte = text(c.save_matte);
  return options;
}

sinter::Picture to_cpp(const sinter_picture& c) {
  sinter::Picture picture;
  picture.path = text(c.path);
  picture.view = to_enum(c.view, sinter::View::right, "view", "sinter_view");
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
  return picture;
}

std::optional<sinter::Axis> to_axis(std::int32_t value, const char* field) {
  const sinter_axis axis = to_enum(value, SINTER_AXIS_MINUS_Z, field, "sinter_axis");
  if (axis == SINTER_AXIS_DEFAULT) return {};
  return static_cast<sinter::Axis>(axis - SINTER_AXIS_X);
}

sinter::MeshWriteOptions to_cpp(const sinter_mesh_write_options* given) {
  const sinter_mesh_write_options c =
      complete(given, sinter_mesh_write_options_init, "sinter_mesh_write_options");
  sinter::MeshWriteOptions options;
  options.format = text(c.format);
  options.size_mm = c.size_mm;
  options.metres_per_unit = c.metres_per_unit;
  options.up = to_axis(c.up, "up");
  options.forward = to_axis(c.forward, "forward");
  return options;
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
    sinter::EngineOptions cpp =
        to_cpp(complete(options, sinter_engine_options_init, "sinter_engine_options"));
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
  c.remove_background = static_cast<int32_t>(cpp.remove_background);
  c.flashvdm_keys = static_cast<int32_t>(cpp.flashvdm_keys);
  c.flashvdm_levels = static_cast<int32_t>(cpp.flashvdm_levels);
  c.solver = static_cast<int32_t>(cpp.solver);
  init(options, size, c);
}

sinter_status sinter_generate(sinter_engine* engine,
                              const sinter_picture* pictures,
                              size_t picture_count,
                              const sinter_generate_options* options,
                              sinter_progress_callback progress,
                              void* progress_user,
                              sinter_mesh** mesh,
                              sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    *mesh = nullptr;
    check_given(engine, "engine");
    check_given(pictures, "pictures");
    SINTER_CHECK(picture_count >= 1 && picture_count <= kMostPictures,
                 ErrorCode::invalid_argument,
                 "[sinter.h] picture_count: expected 1..",
                 kMostPictures,
                 ", got ",
                 picture_count);
    std::vector<sinter::Picture> views;
    for (std::size_t i = 0; i < picture_count; ++i) views.push_back(to_cpp(pictures[i]));
    const sinter::ProgressCallback callback = [&](const sinter::Progress& now) {
      if (progress == nullptr) return true;
      const sinter_progress c{
          now.stage, now.stage_fraction, now.total, now.seconds, now.seconds_left};
      return progress(&c, progress_user) != 0;
    };
    sinter::GenerateResult result = engine->engine.generate(
        views,
        to_cpp(complete(options, sinter_generate_options_init, "sinter_generate_options")),
        callback);
    *mesh = new sinter_mesh{std::move(result.mesh), std::move(result.provenance), 0};
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
    *mesh = new sinter_mesh{std::move(made), {}, 0};
  });
}

sinter_status sinter_mesh_read(const char* path, sinter_mesh** mesh, sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    *mesh = nullptr;
    check_given(path, "path");
    sinter::MeshFileInfo info;
    sinter::Mesh read = sinter::read_mesh(path, &info);
    *mesh = new sinter_mesh{std::move(read), {}, info.metres_per_unit};
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

double sinter_mesh_metres_per_unit(const sinter_mesh* mesh) {
  return mesh == nullptr ? 0 : mesh->metres_per_unit;
}

sinter_status sinter_mesh_set_face_count(sinter_mesh* mesh, int64_t faces, sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    sinter::set_face_count(mesh->mesh, faces);
  });
}

void sinter_mesh_write_options_init(sinter_mesh_write_options* options, size_t size) {
  init(options, size, sinter_mesh_write_options{});
}

sinter_status sinter_mesh_write(const sinter_mesh* mesh,
                                const char* path,
                                const sinter_mesh_write_options* options,
                                sinter_error* error) {
  return guarded(error, [&] {
    check_given(mesh, "mesh");
    check_given(path, "path");
    sinter::write_mesh(path, mesh->mesh, mesh->provenance, to_cpp(options));
  });
}

sinter_status sinter_mesh_check_path(const char* path,
                                     const sinter_mesh_write_options* options,
                                     sinter_error* error) {
  return guarded(error, [&] {
    check_given(path, "path");
    sinter::check_mesh_path(path, to_cpp(options));
  });
}

sinter_status sinter_mesh_encode(const sinter_mesh* mesh,
                                 const sinter_mesh_write_options* options,
                                 void** bytes,
                                 size_t* byte_count,
                                 sinter_error* error) {
  return guarded(error, [&] {
    check_given(bytes, "bytes");
    *bytes = nullptr;
    check_given(byte_count, "byte_count");
    *byte_count = 0;
    check_given(mesh, "mesh");
    const std::vector<std::uint8_t> encoded =
        sinter::encode_mesh(mesh->mesh, to_cpp(options), mesh->provenance);
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
    c.non_manifold_vertices = cpp.non_manifold_vertices;
    c.inconsistent_edges = cpp.inconsistent_edges;
    c.degenerate_faces = cpp.degenerate_faces;
    c.duplicate_faces = cpp.duplicate_faces;
    c.non_finite_vertices = cpp.non_finite_vertices;
    c.unreferenced_vertices = cpp.unreferenced_vertices;
    c.euler_number = cpp.euler_number;
    std::copy_n(cpp.min.begin(), 3, c.min);
    std::copy_n(cpp.max.begin(), 3, c.max);
    init(report, size, c);
  });
}

}  // extern "C"
