// SPDX-License-Identifier: Apache-2.0
//
// Anybody on the machine can read the command line of a process (ps(1)), so
// secrets are overwritten there as soon as they were read.
#pragma once

namespace lazymirror::cli {

// Overwrites the values of the options that the table calls secret, also
// within -o, and passwords within URLs. REQUIRES: the words were copied.
void wipe_secrets(int argc, char** argv);

}  // namespace lazymirror::cli
