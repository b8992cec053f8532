// A shared library that has nothing to do with ops.
extern "C" __attribute__((visibility("default"))) int Answer() { return 42; }
