#ifndef SINTER_SINTER_H
#define SINTER_SINTER_H
/** \file
 * sinter from C: one picture, or several views, to a mesh. C99; every function is safe to call from
 * any thread, a handle from one thread at a time.
 *
 *     sinter_engine* engine = NULL;
 *     sinter_mesh* mesh = NULL;
 *     sinter_picture picture = {.path = "chair.png"};
 *     sinter_error error;
 *     if (sinter_engine_create("models/sinter-small", NULL, &engine, &error) != SINTER_OK ||
 *         sinter_generate(engine, &picture, 1, NULL, NULL, NULL, &mesh, &error) != SINTER_OK ||
 *         sinter_mesh_write(mesh, "chair.glb", NULL, &error) != SINTER_OK) {
 *       fprintf(stderr, "%s\n", error.message);
 *     }
 *     sinter_mesh_free(mesh);
 *     sinter_engine_free(engine);
 *
 * Structs of options begin with their size, so that a program built against an older header goes on
 * working: fill them with the _init function of the same name, which sets every default, then
 * change fields. A null pointer stands for all defaults. Texts are UTF-8 or whatever bytes the file
 * system has, ended by a zero byte, and read during the call only; null stands for the default.
 * What a function returns through a pointer belongs to the caller and is freed by the function of
 * its type; freeing null does nothing.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Also the exit statuses of the program. */
typedef enum sinter_status {
  SINTER_OK = 0,
  SINTER_INVALID_ARGUMENT = 2, /**< an option or argument is out of range */
  SINTER_NOT_FOUND = 3,        /**< a file, tensor or key does not exist */
  SINTER_CORRUPT = 4,          /**< a file does not hold what its format demands */
  SINTER_UNSUPPORTED = 5,      /**< well-formed, but not something sinter can do */
  SINTER_IO = 6,               /**< the operating system refused a read or a write */
  SINTER_OUT_OF_MEMORY = 7,
  SINTER_CANCELLED = 8, /**< the progress callback asked to stop */
  SINTER_DEVICE = 9,    /**< the accelerator reported a failure */
  SINTER_INTERNAL = 10  /**< a defect in sinter */
} sinter_status;

/** What went wrong: one line for a person, ended by a zero byte. Filled by every function that
 * takes one (SINTER_OK and "" where all went well); may be null. */
typedef struct sinter_error {
  sinter_status status;
  char message[1020];
} sinter_error;

/** Version of the library, "0.1.0". Static. */
const char* sinter_version(void);
/** "ok", "invalid_argument", ... Static. */
const char* sinter_status_name(sinter_status status);

/* ---- engine ---- */

/** Holds a model. One run at a time; engines do not see each other. */
typedef struct sinter_engine sinter_engine;

typedef void (*sinter_warning_callback)(const char* text, void* user);

typedef struct sinter_engine_options {
  size_t size;                  /**< set by sinter_engine_options_init() */
  int32_t threads;              /**< 0: all cores; the result does not depend on it */
  int32_t keep_weights;         /**< not 0: keep networks in memory between runs; default 0 */
  sinter_warning_callback warn; /**< null (default): warnings are dropped */
  void* warn_user;              /**< handed to warn */
  const char* variant;     /**< "auto" (default), "fp16" or "none": which weights of a folder */
  const char* config;      /**< configuration in place of config.yaml beside the weights */
  const char* vae;         /**< a stand-alone VAE used instead of the model's own */
  const char* device;      /**< "auto" (default), "cpu", "cuda" or "cuda:N" */
  const char* dtype;       /**< on a GPU: "fp16" (default) or "bf16" */
  const char* hash_folder; /**< remembers hashes of large checkpoints; null (default): nowhere */
  uint64_t vram_budget;    /**< bytes that a run may hold on a GPU; 0 (default): what is free */
  int32_t fp8; /**< not 0: large products of the shape transformer in 8 bits, on a GPU */
} sinter_engine_options;

/** \param size sizeof(sinter_engine_options), as the caller's header has it. */
void sinter_engine_options_init(sinter_engine_options* options, size_t size);

/** \param model folder with config.yaml and the weights, a checkpoint file, or the name of a
 * Hugging Face repository that is already on this machine. Nothing is ever downloaded. Reads
 * headers only; weights are loaded by the first run. */
sinter_status sinter_engine_create(const char* model,
                                   const sinter_engine_options* options,
                                   sinter_engine** engine,
                                   sinter_error* error);
void sinter_engine_free(sinter_engine* engine);

/* ---- pictures ---- */

/** The side of the object that a picture shows: the front, then each a quarter turn clockwise. */
typedef enum sinter_view {
  SINTER_VIEW_FRONT = 0,
  SINTER_VIEW_LEFT = 1,
  SINTER_VIEW_BACK = 2,
  SINTER_VIEW_RIGHT = 3
} sinter_view;

/** One of three: a file; the bytes of a file in memory (PNG, JPEG, ...); pixels in memory. The
 * memory is read during the call only. Set all fields that are not used to zero. */
typedef struct sinter_picture {
  const char* path;
  const void* bytes;
  size_t byte_count;
  const uint8_t* rgba; /**< red, green, blue, alpha (straight); rows from the top, no padding */
  int32_t width, height;
  int32_t view;     /**< a sinter_view; 0: the front */
  int32_t reserved; /**< 0 */
} sinter_picture;

/* ---- run ---- */

typedef enum sinter_noise {
  SINTER_NOISE_PHILOX = 0,         /**< sinter's own */
  SINTER_NOISE_TORCH_CPU = 1,      /**< PyTorch's CPU generator, releases up to 2.12 */
  SINTER_NOISE_TORCH_CPU_FP32 = 2, /**< PyTorch's CPU generator, 2.13 and later */
  SINTER_NOISE_TORCH_CUDA = 3      /**< PyTorch's CUDA generator */
} sinter_noise;

typedef enum sinter_decode {
  SINTER_DECODE_DENSE = 0,
  SINTER_DECODE_HIERARCHICAL = 1, /**< the same surface from 2 to 5 % of the points */
  SINTER_DECODE_FLASHVDM = 2
} sinter_decode;

/** SINTER_DECODE_FLASHVDM: what each part of space attends to. */
typedef enum sinter_flashvdm_keys {
  SINTER_FLASHVDM_KEYS_MEAN = 0,
  SINTER_FLASHVDM_KEYS_MERGE = 1
} sinter_flashvdm_keys;

/** SINTER_DECODE_FLASHVDM: the size of the last grid. */
typedef enum sinter_flashvdm_levels {
  SINTER_FLASHVDM_LEVELS_OWN = 0,     /**< the `octree` that was asked for */
  SINTER_FLASHVDM_LEVELS_UPSTREAM = 1 /**< the reference's: 384 is decoded at 380 */
} sinter_flashvdm_levels;

/** Whether the background of a picture is removed before the model sees it. */
typedef enum sinter_remove_background {
  SINTER_REMOVE_BACKGROUND_AUTO = 0, /**< where the picture has no useful alpha */
  SINTER_REMOVE_BACKGROUND_ON = 1,
  SINTER_REMOVE_BACKGROUND_OFF = 2
} sinter_remove_background;

/** How steps follow the velocities that the network gives. */
typedef enum sinter_solver {
  SINTER_SOLVER_EULER = 0,
  SINTER_SOLVER_AB2 = 1 /**< Adams-Bashforth of two steps: second order */
} sinter_solver;

/** Fields as in sinter/engine.h (GenerateOptions), which describes them. */
typedef struct sinter_generate_options {
  size_t size;               /**< set by sinter_generate_options_init() */
  int32_t steps;             /**< 1..1000; 0 (default): the model's own */
  double guidance;           /**< negative: off; NaN (default): the model's own */
  uint64_t seed;             /**< default 1234 */
  int32_t noise;             /**< a sinter_noise; default philox */
  int32_t octree;            /**< grid cells along each axis, 16..512; default 384 */
  int32_t decode;            /**< a sinter_decode; default hierarchical */
  double level;              /**< value of the field at the surface; default 0 */
  double box;                /**< half the side of the decoded cube; default 1.01 */
  int64_t faces;             /**< bring to this many faces; 0 (default) keeps all */
  int32_t remove_floaters;   /**< 0: keep small loose pieces; default 1 */
  const char* matting_model; /**< ONNX network for it; null: the built-in method */
  const char* save_matte;    /**< PNG to write the matte to; null: none */
  int32_t remove_background; /**< a sinter_remove_background; default auto */
  int32_t flashvdm_keys;     /**< a sinter_flashvdm_keys; default mean */
  int32_t flashvdm_levels;   /**< a sinter_flashvdm_levels; default own */
  int32_t solver;            /**< a sinter_solver; default euler */
  const char* cache; /**< "off", "safe", "fast", "max", or a cache_config.json; null: "off" */
} sinter_generate_options;

/** \param size sizeof(sinter_generate_options), as the caller's header has it. */
void sinter_generate_options_init(sinter_generate_options* options, size_t size);

typedef struct sinter_progress {
  const char* stage;     /**< "image", "condition", "sample", ...; static */
  double stage_fraction; /**< 0..1 of this stage */
  double total;          /**< 0..1 of the run */
  double seconds;        /**< since the run began */
  double seconds_left;   /**< estimate; negative while unknown */
} sinter_progress;

/** Called on the thread that called sinter_generate(). Return 0 to cancel: the run ends with
 * SINTER_CANCELLED within one sampling step or one decode chunk. Must return, not jump or throw. */
typedef int (*sinter_progress_callback)(const sinter_progress* progress, void* user);

typedef struct sinter_mesh sinter_mesh;

/** Turns a picture into a mesh. \param pictures one, or the views of one object for models that
 * know several, each once, in any order. \param options null: defaults. \param progress null: none.
 * \param mesh set to a new mesh, to null where the run fails. */
sinter_status sinter_generate(sinter_engine* engine,
                              const sinter_picture* pictures,
                              size_t picture_count,
                              const sinter_generate_options* options,
                              sinter_progress_callback progress,
                              void* progress_user,
                              sinter_mesh** mesh,
                              sinter_error* error);

/* ---- meshes ---- */

/** From arrays of the caller, which are copied. \param positions x, y, z of each vertex.
 * \param faces three vertex indices of each face, counter-clockwise seen from outside. */
sinter_status sinter_mesh_create(const float* positions,
                                 size_t vertex_count,
                                 const uint32_t* faces,
                                 size_t face_count,
                                 sinter_mesh** mesh,
                                 sinter_error* error);
/** GLB, glTF, OBJ, PLY, STL, 3MF, and USDZ as sinter writes it. */
sinter_status sinter_mesh_read(const char* path, sinter_mesh** mesh, sinter_error* error);
void sinter_mesh_free(sinter_mesh* mesh);

size_t sinter_mesh_vertex_count(const sinter_mesh* mesh);
size_t sinter_mesh_face_count(const sinter_mesh* mesh);
/** 3 floats a vertex, valid until the mesh is freed. Right-handed, +Y up, front faces +Z. */
const float* sinter_mesh_positions(const sinter_mesh* mesh);
/** 3 indices a face, valid until the mesh is freed. */
const uint32_t* sinter_mesh_faces(const sinter_mesh* mesh);

/** Metres that one unit of the mesh is, as the file says that it was read from (3MF, USDZ, glTF); 0
 * where nothing says so. */
double sinter_mesh_metres_per_unit(const sinter_mesh* mesh);

/** Brings a mesh to this many faces, or one less, by collapsing or cutting edges, as
 * set_face_count() of sinter/mesh.h. sinter_mesh_face_count() tells whether the shape needed more.
 * Arrays of the mesh that were asked for before are no longer valid. */
sinter_status sinter_mesh_set_face_count(sinter_mesh* mesh, int64_t faces, sinter_error* error);

typedef enum sinter_axis {
  SINTER_AXIS_DEFAULT = 0, /**< what the format prescribes, or y up and z forward */
  SINTER_AXIS_X = 1,
  SINTER_AXIS_Y = 2,
  SINTER_AXIS_Z = 3,
  SINTER_AXIS_MINUS_X = 4,
  SINTER_AXIS_MINUS_Y = 5,
  SINTER_AXIS_MINUS_Z = 6
} sinter_axis;

/** Fields as in sinter/mesh.h (MeshWriteOptions), which describes them. The defaults write the mesh
 * as it is. */
typedef struct sinter_mesh_write_options {
  size_t size;            /**< set by sinter_mesh_write_options_init() */
  const char* format;     /**< "glb", "obj", "ply", "stl", "3mf" or "usdz"; null: by extension */
  double size_mm;         /**< longest side in millimetres; 0 (default): numbers as they are */
  double metres_per_unit; /**< what one unit of the mesh is; 0 (default): not known */
  int32_t up, forward;    /**< sinter_axis: how the mesh is to stand in the file */
} sinter_mesh_write_options;

/** \param size sizeof(sinter_mesh_write_options), as the caller's header has it. */
void sinter_mesh_write_options_init(sinter_mesh_write_options* options, size_t size);

/** Writes through a temporary file. A mesh that sinter_generate() made carries its provenance.
 * \param options null: defaults, the format by the extension of the path. */
sinter_status sinter_mesh_write(const sinter_mesh* mesh,
                                const char* path,
                                const sinter_mesh_write_options* options,
                                sinter_error* error);

/** Fails as sinter_mesh_write() would with this path and these options, before the work that makes
 * the mesh. Leaves nothing behind. */
sinter_status sinter_mesh_check_path(const char* path,
                                     const sinter_mesh_write_options* options,
                                     sinter_error* error);

/** What sinter_mesh_write() writes, in memory. \param options with a format. \param bytes set to a
 * new block, freed by sinter_bytes_free(). */
sinter_status sinter_mesh_encode(const sinter_mesh* mesh,
                                 const sinter_mesh_write_options* options,
                                 void** bytes,
                                 size_t* byte_count,
                                 sinter_error* error);
void sinter_bytes_free(void* bytes);

typedef struct sinter_mesh_report {
  size_t size; /**< set by the caller to sizeof(sinter_mesh_report) */
  int64_t vertices, faces, components;
  int64_t boundary_edges, non_manifold_edges, self_intersections;
  int64_t genus; /**< handles over all components; meaningful where watertight */
  int32_t watertight;
  int32_t sound; /**< closed, manifold, outward, free of self-intersections */
  double volume, area;
  int64_t non_manifold_vertices; /**< whose faces form more than one fan */
  int64_t inconsistent_edges;    /**< whose two faces run the same way along them */
  int64_t degenerate_faces, duplicate_faces;
  int64_t non_finite_vertices, unreferenced_vertices;
  int64_t euler_number;
  float min[3], max[3]; /**< bounding box */
} sinter_mesh_report;

/** \param threads 0: all cores. */
sinter_status sinter_mesh_check(const sinter_mesh* mesh,
                                int32_t threads,
                                sinter_mesh_report* report,
                                sinter_error* error);

#ifdef __cplusplus
}
#endif

#endif
