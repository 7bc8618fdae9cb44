/* photo_to_mesh MODEL PICTURE MESH [OCTREE [STEPS]]: a picture, read into memory first as a server
 * would have it, becomes a mesh file; progress on standard error, Ctrl-C cancels.
 *
 *     cc photo_to_mesh.c $(pkg-config --cflags --libs sinter) -o photo_to_mesh
 */
#include <signal.h>
#include <sinter/sinter.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  interrupted = 1;
}

static int show(const sinter_progress* now, void* user) {
  (void)user;
  fprintf(stderr, "\r%-9s %3.0f %%", now->stage, 100 * now->total);
  return !interrupted;
}

/* The whole file, or null. */
static void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  void* bytes = NULL;
  long end = -1;
  if (file != NULL && fseek(file, 0, SEEK_END) == 0) end = ftell(file);
  if (end > 0 && fseek(file, 0, SEEK_SET) == 0) bytes = malloc((size_t)end);
  if (bytes != NULL && fread(bytes, 1, (size_t)end, file) != (size_t)end) {
    free(bytes);
    bytes = NULL;
  }
  if (file != NULL) fclose(file);
  *size = bytes != NULL ? (size_t)end : 0;
  return bytes;
}

int main(int argc, char** argv) {
  sinter_engine* engine = NULL;
  sinter_mesh* mesh = NULL;
  sinter_picture picture = {0};
  sinter_generate_options options;
  sinter_error error;
  void* bytes;
  if (argc < 4) {
    fprintf(stderr, "usage: photo_to_mesh MODEL PICTURE MESH [OCTREE [STEPS]]\n");
    return SINTER_INVALID_ARGUMENT;
  }
  bytes = read_file(argv[2], &picture.byte_count);
  if (bytes == NULL) {
    fprintf(stderr, "photo_to_mesh: cannot read %s\n", argv[2]);
    return SINTER_NOT_FOUND;
  }
  picture.bytes = bytes;
  sinter_generate_options_init(&options, sizeof options);
  if (argc > 4) options.octree = atoi(argv[4]);
  if (argc > 5) options.steps = atoi(argv[5]);

  signal(SIGINT, on_interrupt);
  /* What is wrong with the output is said before the work, not after. */
  if (sinter_mesh_check_path(argv[3], NULL, &error) == SINTER_OK &&
      sinter_engine_create(argv[1], NULL, &engine, &error) == SINTER_OK &&
      sinter_generate(engine, &picture, 1, &options, show, NULL, &mesh, &error) == SINTER_OK &&
      sinter_mesh_write(mesh, argv[3], NULL, &error) == SINTER_OK) {
    fprintf(stderr,
            "\n%s: %zu vertices, %zu faces, made by sinter %s\n",
            argv[3],
            sinter_mesh_vertex_count(mesh),
            sinter_mesh_face_count(mesh),
            sinter_version());
  } else {
    fprintf(stderr, "\nphoto_to_mesh: %s\n", error.message);
  }
  sinter_mesh_free(mesh);
  sinter_engine_free(engine);
  free(bytes);
  return error.status;
}
