// SPDX-License-Identifier: Apache-2.0
#include "config/mount_helper.h"

namespace lazymirror {
namespace {

class Words {
 public:
  explicit Words(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  Result<MountHelperCall> take() {
    while (at_ < arguments_.size()) {
      const std::string& word = arguments_[at_++];
      const bool options = word.size() > 1 && word[0] == '-';
      if (!options) {
        places_.push_back(word);
      } else if (auto r = take_options(word); !r) {
        return fail(r.error());
      }
    }
    call_.arguments.emplace_back("--");
    for (std::string& place : places_) call_.arguments.push_back(std::move(place));
    return std::move(call_);
  }

 private:
  // "-sfn", "-o" and the next word, "-oro".
  Result<> take_options(const std::string& word) {
    if (word == "--help" || word == "--version") return call_.arguments.push_back(word), Result<>();
    for (std::size_t i = 1; i < word.size(); ++i) {
      if (std::string_view("oNt").find(word[i]) != std::string_view::npos) {
        return take_value(word[i], word.substr(i + 1));
      }
      if (auto r = take_letter(word[i]); !r) return r;
    }
    return {};
  }

  Result<> take_letter(char letter) {
    switch (letter) {
      case 's': call_.sloppy = true; return {};
      case 'f': call_.fake = true; return {};
      case 'v': call_.verbose = true; return {};
      case 'n': return {};  // of a time with /etc/mtab
      case 'h': return call_.arguments.emplace_back("--help"), Result<>();
      case 'V': return call_.arguments.emplace_back("--version"), Result<>();
      default: break;
    }
    return fail(Errc::invalid, std::string("-") + letter +
                                   " is no option of a mount helper: see mount.lazymirror(8)");
  }

  Result<> take_value(char letter, std::string value) {
    if (value.empty()) {
      if (at_ == arguments_.size()) {
        return fail(Errc::invalid, std::string("-") + letter + " needs a value");
      }
      value = arguments_[at_++];
    }
    if (letter == 'N') {
      return fail(Errc::invalid,
                  "-N is not possible: enter the namespace first, with nsenter --mount=" + value);
    }
    if (letter == 'o') call_.arguments.insert(call_.arguments.end(), {"-o", std::move(value)});
    return {};
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  std::vector<std::string> places_;
  MountHelperCall call_{.arguments = {"mount"}};
};

}  // namespace

bool is_mount_helper(std::string_view program) {
  return program.substr(program.rfind('/') + 1) == "mount.lazymirror";
}

Result<MountHelperCall> parse_mount_helper(const std::vector<std::string>& arguments) {
  return Words(arguments).take();
}

}  // namespace lazymirror
