// The files of formats/html, compiled into the library: pages need no file
// beside them.
#ifndef EVENGRAD_FORMATS_EMBEDDED_FILES_H_
#define EVENGRAD_FORMATS_EMBEDDED_FILES_H_

#include <string_view>

namespace evengrad {

// The contents of formats/html/<name>, such as "page.css"; "" where there is no
// such file.
std::string_view EmbeddedFile(std::string_view name);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_EMBEDDED_FILES_H_
