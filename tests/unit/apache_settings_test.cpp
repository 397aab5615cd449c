#include <apr_general.h>
#include <gtest/gtest.h>

#include <string_view>

#include "apache/config/settings.hpp"
#include "base/pool.hpp"
#include "boundary/script_settings.hpp"
#include "other_script_settings.hpp"

// httpd's module table is not here: settings are looked at directly.
module_struct wsgi_module{};

namespace brine::apache {
namespace {

using wsgi::Reloading;
using wsgi::ScriptSettings;

// A section that gives every setting of its scripts.
RequestSettings giving(const ScriptSettings& values) {
  RequestSettings settings;
  settings.script.give<&ScriptSettings::reloading>(values.reloading);
  settings.script.give<&ScriptSettings::keep_last_good>(values.keep_last_good);
  settings.script.give<&ScriptSettings::registered>(values.registered);
  settings.script.give<&ScriptSettings::pickle_policy>(values.pickle_policy);
  settings.script.give<&ScriptSettings::pickle_sample>(values.pickle_sample);
  settings.script.give<&ScriptSettings::ignore_activity>(values.ignore_activity);
  settings.script.give<&ScriptSettings::logging>(values.logging);
  return settings;
}

class SettingsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { apr_initialize(); }
  static void TearDownTestSuite() { apr_terminate(); }
  void SetUp() override { apr_pool_create(&pool_, nullptr); }
  void TearDown() override { apr_pool_destroy(pool_); }

  RequestSettings merge(RequestSettings parent, RequestSettings child) {
    return *static_cast<RequestSettings*>(merge_request_settings(pool_, &parent, &child));
  }

  static Alias alias(std::string_view url) {
    Alias alias;
    alias.url = url;
    return alias;
  }

  apr_pool_t* pool_ = nullptr;
  core_dir_config core_{};
};

TEST_F(SettingsTest, DefaultsLiveInResolve) {
  core_.enable_sendfile = ENABLE_SENDFILE_UNSET;
  const ResolvedSettings settings = resolve({}, core_);
  EXPECT_EQ(settings.process_group, "");
  EXPECT_EQ(settings.application_group, "%{RESOURCE}");
  EXPECT_EQ(settings.callable, "application");
  EXPECT_FALSE(settings.pass_authorization);
  EXPECT_FALSE(settings.pass_apache_request);
  EXPECT_EQ(settings.map_head_to_get, HeadMapping::automatic);
  EXPECT_EQ(settings.chunked_request, ChunkedRequest::on);
  EXPECT_EQ(settings.request_buffering, 0);
  EXPECT_TRUE(settings.enable_sendfile);
}

TEST_F(SettingsTest, SendfileFollowsHttpdUnlessSaid) {
  core_.enable_sendfile = ENABLE_SENDFILE_OFF;
  RequestSettings settings;
  EXPECT_FALSE(resolve(settings, core_).enable_sendfile);
  settings.enable_sendfile = true;
  EXPECT_TRUE(resolve(settings, core_).enable_sendfile);
}

TEST_F(SettingsTest, TheInnerSectionWins) {
  RequestSettings parent;
  parent.callable = "outer";
  parent.script.give<&ScriptSettings::reloading>(Reloading::off);
  parent.script.give<&ScriptSettings::registered>(true);
  RequestSettings child;
  child.callable = "inner";
  child.script.give<&ScriptSettings::registered>(false);
  const RequestSettings merged = merge(parent, child);
  EXPECT_EQ(merged.callable.value, "inner");
  EXPECT_EQ(script_settings(merged, "").reloading, Reloading::off);
  EXPECT_FALSE(script_settings(merged, "").registered);
  EXPECT_FALSE(merged.chunked_request.value);
}

TEST_F(SettingsTest, HandlerScriptsOverlayByName) {
  const HandlerScript outer_b{"b", "/outer/b", {}, nullptr};
  const HandlerScript outer_a{"a", "/outer/a", {}, &outer_b};
  const HandlerScript inner_a{"a", "/inner/a", {}, nullptr};
  RequestSettings parent;
  parent.handler_scripts.first = &outer_a;
  RequestSettings child;
  child.handler_scripts.first = &inner_a;
  const RequestSettings merged = merge(parent, child);
  EXPECT_EQ(merged.handler_scripts.find("a")->script, "/inner/a");
  EXPECT_EQ(merged.handler_scripts.find("b")->script, "/outer/b");
  EXPECT_EQ(merged.handler_scripts.find("c"), nullptr);
  EXPECT_EQ(inner_a.next, nullptr);
}

TEST_F(SettingsTest, AliasesOfTheVirtualHostComeFirst) {
  ServerSettings main_server;
  main_server.aliases = {alias("/main")};
  main_server.own_aliases = 1;
  ServerSettings host;
  host.aliases = {alias("/host")};
  host.own_aliases = 1;
  const auto* merged =
      static_cast<ServerSettings*>(merge_server_settings(pool_, &main_server, &host));
  ASSERT_EQ(merged->aliases.size(), 2U);
  EXPECT_EQ(merged->aliases[0].url, "/host");
  EXPECT_EQ(merged->aliases[1].url, "/main");
  EXPECT_EQ(merged->own_aliases, 1U);
}

TEST_F(SettingsTest, PoolDestroysWhatItHolds) {
  struct Probe {
    explicit Probe(int& count) : destroyed(count) {}
    ~Probe() { ++destroyed; }
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    int& destroyed;
  };
  int destroyed = 0;
  apr_pool_t* pool = nullptr;
  apr_pool_create(&pool, pool_);
  base::pool_emplace<Probe>(pool, destroyed);
  EXPECT_EQ(destroyed, 0);
  apr_pool_destroy(pool);
  EXPECT_EQ(destroyed, 1);
}

TEST_F(SettingsTest, PoolCopyIsACString) {
  const std::string_view copy = base::pool_copy(pool_, std::string_view("abcdef", 3));
  EXPECT_EQ(copy, "abc");
  EXPECT_EQ(copy.data()[3], '\0');
}

TEST_F(SettingsTest, OfAScriptComeFromTheNearestSectionThatGivesThem) {
  for (const ScriptSettings& other : wsgi::other_script_settings()) {
    EXPECT_EQ(script_settings(merge(giving(other), {}), "site"), other);
    EXPECT_EQ(script_settings(merge({}, giving(other)), "site"), other);
    EXPECT_EQ(script_settings(merge(merge(giving(other), {}), {}), "site"), other);
    EXPECT_EQ(script_settings(merge(giving(other), giving({})), "site"), ScriptSettings{})
        << "the default counts where it is given";
  }
}

TEST(ScriptSettings, HaveTheirDefaultsWhereNothingIsGiven) {
  EXPECT_EQ(script_settings({}, "site"), ScriptSettings{});
  ScriptSettings embedded;
  embedded.reloading = Reloading::in_place;
  EXPECT_EQ(script_settings({}, ""), embedded);
}

TEST(ScriptSettings, SayWhatAChangeLeadsToWhereTheScriptRuns) {
  const auto reloading = [](Reloading given, std::string_view process_group) {
    RequestSettings settings;
    settings.script.give<&ScriptSettings::reloading>(given);
    return script_settings(settings, process_group).reloading;
  };
  EXPECT_EQ(reloading(Reloading::fresh_process, ""), Reloading::in_place);
  EXPECT_EQ(reloading(Reloading::rolling, ""), Reloading::in_place);
  EXPECT_EQ(reloading(Reloading::off, ""), Reloading::off);
  EXPECT_EQ(reloading(Reloading::fresh_process, "site"), Reloading::fresh_process);
  EXPECT_EQ(reloading(Reloading::rolling, "site"), Reloading::rolling);
  EXPECT_EQ(reloading(Reloading::off, "site"), Reloading::off);
}

}  // namespace
}  // namespace brine::apache
