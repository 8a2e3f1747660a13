// SPDX-License-Identifier: Apache-2.0
//
// Data files whose catalog is lost.
#pragma once

#include "base/result.h"

namespace lazymirror {

// Removes the regular files below the open directory that bear our stamp, then the
// directories that are empty, and has it on the disk. What bears none is somebody
// else's and stays; so do directories that lead to it, without their stamps. Goes on
// after an error and returns the first. No path is followed through a link, out of
// `data` or to another file system; a tree may be of any depth.
// REQUIRES: nobody else uses the tree.
Result<> remove_stamped(int data);

}  // namespace lazymirror
