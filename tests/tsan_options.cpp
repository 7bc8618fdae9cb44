// What every test program asks of ThreadSanitizer. Libraries that it did not instrument (OpenMP's,
// OpenCV, the C++ library) synchronise in ways that it does not see; what they themselves read and
// write is left out. All of sinter's own reads and writes are watched.
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1 halt_on_error=1 second_deadlock_stack=1";
}
