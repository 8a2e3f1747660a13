// SPDX-License-Identifier: Apache-2.0
#include "config/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "unit/config/some_user.h"

namespace lazymirror {
namespace {

Surroundings root() {
  Surroundings user = some_user();
  user.root = true;
  return user;
}

Url url(const char* text) { return *Url::parse(text); }

TEST(PlacesTest, RootUsesTheSystemsDirectories) {
  EXPECT_EQ(default_config_file(root()), "/etc/lazymirror/lazymirror.conf");
  EXPECT_THAT(*default_cache_location(root(), url("http://h/")),
              testing::StartsWith("/var/cache/lazymirror/h-"));
}

TEST(PlacesTest, UsersUseTheirHome) {
  const Surroundings user = some_user();
  EXPECT_EQ(default_config_file(user), "/nonexistent/home/.config/lazymirror/lazymirror.conf");
  EXPECT_THAT(*default_cache_location(user, url("http://h/")),
              testing::StartsWith("/nonexistent/home/.cache/lazymirror/h-"));
}

TEST(PlacesTest, XdgDirectoriesComeFirst) {
  Surroundings user = some_user();
  user.xdg_config_home = "/c";
  user.xdg_cache_home = "/k";
  EXPECT_EQ(default_config_file(user), "/c/lazymirror/lazymirror.conf");
  EXPECT_THAT(*default_cache_location(user, url("http://h/")),
              testing::StartsWith("/k/lazymirror/h-"));
}

TEST(PlacesTest, WithoutAHomeTheRemedyIsNamed) {
  Surroundings user = some_user();
  user.home = "";
  EXPECT_EQ(default_config_file(user), "");
  const auto place = default_cache_location(user, url("http://h/"));
  ASSERT_FALSE(place);
  EXPECT_THAT(place.error().message, testing::HasSubstr("--cache-location"));
}

TEST(PlacesTest, EachUrlHasACacheOfItsOwn) {
  std::set<std::string> names;
  for (const char* text : {"http://h/", "https://h/", "http://h:8080/", "http://h/a/",
                           "http://h/a/b/", "http://h/a_b/", "http://h/A/", "http://g/"}) {
    EXPECT_TRUE(names.insert(cache_name(url(text))).second) << text;
  }
}

TEST(PlacesTest, TheFinalSlashMakesNoDifference) {
  EXPECT_EQ(cache_name(url("http://h/a")), cache_name(url("http://h/a/")));
}

TEST(PlacesTest, NamesAreStableAndReadable) {
  // Fixed for ever: another name would be an empty cache after an update.
  EXPECT_EQ(cache_name(url("https://cdn.kernel.org/pub/")), "cdn.kernel.org_pub-f23b6085");
}

TEST(PlacesTest, NamesAreSafe) {
  const std::string name = cache_name(url("http://h/a%2Fb/..;/$(x)/~/"));
  EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789._-"),
            name.npos)
      << name;
  EXPECT_LT(cache_name(url(("http://h/" + std::string(5000, 'x')).c_str())).size(), 200u);
}

TEST(PlacesTest, OfThisProcessFindsAHomeWithoutTheVariable) {
  const char* home = std::getenv("HOME");
  const std::string saved = home != nullptr ? home : "";
  ::unsetenv("HOME");
  EXPECT_FALSE(Surroundings::of_this_process().home.empty());
  if (home != nullptr) ::setenv("HOME", saved.c_str(), 1);
}

}  // namespace
}  // namespace lazymirror
