#include <gtest/gtest.h>

#include "apache/config/paths.hpp"

namespace brine::apache {
namespace {

TEST(MatchPrefix, EndsWhereASegmentEnds) {
  EXPECT_EQ(match_prefix("/foo", "/foo"), 4U);
  EXPECT_EQ(match_prefix("/foo", "/foo/bar"), 4U);
  EXPECT_EQ(match_prefix("/foo", "/foobar"), 0U);
  EXPECT_EQ(match_prefix("/foo", "/fo"), 0U);
  EXPECT_EQ(match_prefix("/foo", "/"), 0U);
}

TEST(MatchPrefix, DemandsTheSlashThatTheAliasEndsWith) {
  EXPECT_EQ(match_prefix("/foo/", "/foo"), 0U);
  EXPECT_EQ(match_prefix("/foo/", "/foo/"), 5U);
  EXPECT_EQ(match_prefix("/foo/", "/foo/bar"), 5U);
}

TEST(MatchPrefix, TakesARunOfSlashesForOne) {
  EXPECT_EQ(match_prefix("/a/b", "//a///b/c"), 7U);
  EXPECT_EQ(match_prefix("/a//b", "/a/b"), 4U);
  EXPECT_EQ(match_prefix("/a/", "/a///x"), 5U);
}

TEST(MatchPrefix, RootMatchesAll) {
  EXPECT_EQ(match_prefix("/", "/"), 1U);
  EXPECT_EQ(match_prefix("/", "/anything"), 1U);
  EXPECT_EQ(match_prefix("/", ""), 0U);
}

TEST(ScriptName, IsWhatIsLeftOfTheUri) {
  EXPECT_EQ(script_name("/app/x/y", "/x/y"), "/app");
  EXPECT_EQ(script_name("/x", "/x"), "");
  EXPECT_EQ(script_name("/", "/"), "");
  EXPECT_EQ(script_name("/app", ""), "/app");
  EXPECT_EQ(script_name("/app/", "/"), "/app");
}

TEST(ScriptName, LooksThroughDoubledSlashes) {
  EXPECT_EQ(script_name("/app//x///y", "/x/y"), "/app");
  EXPECT_EQ(script_name("/app/x/y", "//x//y"), "/app");
}

TEST(ScriptName, NeverCutsASegmentInTwo) { EXPECT_EQ(script_name("/app/xyz", "yz"), "/app/xyz"); }

TEST(CollapseSlashes, MakesEachRunOne) {
  EXPECT_EQ(collapse_slashes("//a///b/"), "/a/b/");
  EXPECT_EQ(collapse_slashes(""), "");
  EXPECT_TRUE(has_double_slash("/a//b"));
  EXPECT_FALSE(has_double_slash("/a/b/"));
}

TEST(ResourceOfPrefix, IsScriptNameAsTheConfigurationSpellsIt) {
  EXPECT_EQ(resource_of_prefix("/app", "/srv/app.wsgi", "/srv/app.wsgi"), "/app");
  EXPECT_EQ(resource_of_prefix("//app/", "/srv/app.wsgi", "/srv/app.wsgi"), "/app");
  EXPECT_EQ(resource_of_prefix("/", "/srv/app.wsgi", "/srv/app.wsgi"), "");
  EXPECT_EQ(resource_of_prefix("/s", "/srv", "/srv/sub/x.wsgi"), "/s/sub/x.wsgi");
  EXPECT_EQ(resource_of_prefix("/s/", "/srv/", "/srv/x.wsgi"), "/s/x.wsgi");
  EXPECT_EQ(resource_of_prefix("/", "/srv", "/srv/x.wsgi"), "/x.wsgi");
}

TEST(ResourceOfPrefix, KeepsFilesApartThatTheTargetPutsAPathBehind) {
  EXPECT_EQ(resource_of_prefix("/api", "/srv/a.wsgi/api", "/srv/a.wsgi"), "|/srv/a.wsgi");
  EXPECT_EQ(resource_of_prefix("/api", "/srv/b.wsgi/api", "/srv/b.wsgi"), "|/srv/b.wsgi");
  EXPECT_EQ(resource_of_prefix("/x", "/srv/a.wsgi", "/elsewhere"), "/x|/elsewhere");
}

TEST(ResourceOfExpression, HasNothingOfTheUrl) {
  EXPECT_EQ(resource_of_expression("^/x/(.*)", "/srv/a.wsgi"), "^/x/(.*)|/srv/a.wsgi");
}

TEST(ResourceOfFile, IsScriptNameIfTheFileIsCalledSo) {
  for (const char* root : {"/var/www", "/var/www/"}) {
    EXPECT_EQ(resource_of_file("/sub//x.wsgi", "/var/www/sub/x.wsgi", root), "/sub/x.wsgi");
  }
  EXPECT_EQ(resource_of_file("/x.wsgi", "/x.wsgi", "/"), "/x.wsgi");
  for (const char* made_up : {"/made/up", "/up/x.wsgi", "x.wsgi", "", "/", "/ub/x.wsgi"}) {
    EXPECT_EQ(resource_of_file(made_up, "/var/www/sub/x.wsgi", "/var/www"), "/var/www/sub/x.wsgi")
        << made_up;
  }
}

TEST(ResourceOfFile, IsTheFileIfTheServerHasItElsewhere) {
  for (const char* root : {"/var/www", "/var/w", "/var/www/sub", "/var/www/a/app", "", "/srv"}) {
    EXPECT_EQ(resource_of_file("/app.wsgi", "/var/www/a/app.wsgi", root), "/var/www/a/app.wsgi")
        << root;
  }
}

}  // namespace
}  // namespace brine::apache
