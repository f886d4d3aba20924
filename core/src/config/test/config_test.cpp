// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE config
#include <boost/test/included/unit_test.hpp>

#include <fstream>

#include <boost/filesystem.hpp>

#include "config/config.hpp"
#include "config/core_schema.hpp"
#include "config/document.hpp"
#include "config/report.hpp"
#include "config/schema.hpp"
#include "log/logger.hpp"

using namespace k2s::core;
using nlohmann::json;
using namespace std::literals;

namespace {

using Variable = std::pair<std::string, std::string>;
using Variables = std::vector<Variable>;

struct Fixture {
    fs::path folder = fs::temp_directory_path() / fs::unique_path("k2s-config-%%%%-%%%%-%%%%");
    Surroundings where;
    LoadOptions options;
    std::vector<FeatureSchema> features;

    Fixture() {
        fs::create_directories(folder / "etc");
        fs::create_directories(folder / "user" / "k2s");
        where.env = [this](const char *name) -> std::optional<std::string> {
            if (name == "XDG_CONFIG_HOME"s || name == "APPDATA"s) {
                return path_to_utf8(folder / "user");
            }
            return std::nullopt;
        };
        where.system_config = folder / "etc";
        options.where = &where;
        options.variables = Variables{};
        features.push_back({"httpproxy", "networking", json::parse(R"({
            "type": "object", "additionalProperties": false, "required": ["addr"],
            "definitions": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}},
            "properties": {
                "addr": {"type": "string"},
                "port": {"$ref": "#/definitions/port"},
                "user": {"type": "string", "default": "nobody"},
                "password": {"type": "string", "writeOnly": true, "minLength": 4},
                "mode": {"enum": ["fast", "safe"], "default": "safe"},
                "allow": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                "tls": {"type": "object", "default": {}, "properties": {
                    "minimum": {"type": "string", "default": "1.2"}}},
                "upstream": {"type": "object", "required": ["url"], "properties": {
                    "url": {"type": "string"}, "retries": {"type": "integer", "default": 2}}}
            }})"),
                            true});
        features.push_back({"yaml2json", "storage", nullptr, false});
    }
    ~Fixture() {
        boost::system::error_code ignored;
        fs::remove_all(folder, ignored);
    }

    fs::path write(const fs::path &file, std::string_view content) const {
        std::ofstream out((folder / file).c_str(), std::ios::binary);
        out << content;
        out.close();
        BOOST_REQUIRE(out.good());
        return (folder / file).make_preferred();
    }
    void config_file(const char *name, std::string_view content) {
        options.file = path_to_utf8(write(name, content));
    }
    ConfigPtr load() const {
        auto config = load_config(options);
        BOOST_REQUIRE_MESSAGE(config, (config ? "" : config.error().message));
        return *config;
    }
    ConfigPtr check() const {
        auto config = check_config(load(), features);
        BOOST_REQUIRE_MESSAGE(config, (config ? "" : config.error().message));
        return *config;
    }
    k2s::Error error() const {
        auto config = load_config(options);
        if (config) {
            config = check_config(*config, features);
        }
        BOOST_REQUIRE(!config);
        return config.error();
    }
    std::string text(const Config &config, std::string_view pointer) const {
        const json *value = config.find(pointer);
        return value != nullptr ? value->dump() : "absent";
    }
};

bool contains(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

// --- documents ---

BOOST_AUTO_TEST_CASE(yaml_values) {
    const auto document = parse_document(R"(# comment
text: plain words
quoted: "8080"
single: 'it''s'
int: -12
hex: 0x1F
octal: 0o17
big: 18446744073709551615
real: 1.5e3
yes: yes
on: true
none:
tilde: ~
list: [1, two, [3]]
block: |
  line 1
  line 2
tagged: !!str 5
"a/b~c": {"x": 1}
version: 1.2.3
)",
                                         "f", DocumentSyntax::yaml);
    BOOST_REQUIRE_MESSAGE(document, (document ? "" : document.error().message));
    BOOST_TEST(document->tree == json::parse(R"({"text": "plain words", "quoted": "8080",
        "single": "it's", "int": -12, "hex": 31, "octal": 15, "big": 18446744073709551615,
        "real": 1500.0, "yes": "yes", "on": true, "none": null, "tilde": null,
        "list": [1, "two", [3]], "block": "line 1\nline 2\n", "tagged": "5", "a/b~c": {"x": 1},
        "version": "1.2.3"})"));
    const auto place = [&](const char *pointer) {
        const auto found = document->positions.find(pointer);
        return found == document->positions.end()
                   ? "none"s
                   : fmt::format("{}:{}", found->second.line, found->second.column);
    };
    BOOST_TEST(place("/text") == "2:1");
    BOOST_TEST(place("/list/1") == "14:11");
    BOOST_TEST(place("/list/2/0") == "14:17");
    BOOST_TEST(place("/a~1b~0c/x") == "19:11");
}

BOOST_AUTO_TEST_CASE(documents_that_are_fine) {
    const std::tuple<std::string_view, DocumentSyntax, std::string_view> cases[] = {
        {"", DocumentSyntax::yaml, "{}"},
        {" \r\n\t\n", DocumentSyntax::json, "{}"},
        {"# nothing\n", DocumentSyntax::yaml, "{}"},
        {"--- \na: 1\n...\n", DocumentSyntax::yaml, R"({"a":1})"},
        {"\xEF\xBB\xBF"
         "a: 1",
         DocumentSyntax::yaml, R"({"a":1})"},
        {"{\"a\": [true, null, -1.5, \"\\u00fc\\n\"], \"b\": {}}", DocumentSyntax::json,
         "{\"a\":[true,null,-1.5,\"\xC3\xBC\\n\"],\"b\":{}}"},
        {"{\"smile\": \"\\ud83d\\ude00\"}", DocumentSyntax::json,
         "{\"smile\":\"\xF0\x9F\x98\x80\"}"},
        {"{\r\n\t\"a\":\r\n\t\t1\r\n}\r\n", DocumentSyntax::json, R"({"a":1})"},
        {"x: &v {p: 1, q: 2}\ny: *v\nz: {<<: *v, q: 3}\n", DocumentSyntax::yaml,
         R"({"x":{"p":1,"q":2},"y":{"p":1,"q":2},"z":{"p":1,"q":3}})"},
        {"a: &a {k: 1}\nb: &b {k: 2, l: 3}\nc: {<<: [*a, *b]}", DocumentSyntax::yaml,
         R"({"a":{"k":1},"b":{"k":2,"l":3},"c":{"k":1,"l":3}})"},
    };
    for (const auto &[text, syntax, expected] : cases) {
        const auto document = parse_document(text, "f", syntax);
        BOOST_REQUIRE_MESSAGE(document, std::string(text) + ": " +
                                            (document ? "" : document.error().message));
        BOOST_TEST(document->tree.dump() == expected);
    }
}

BOOST_AUTO_TEST_CASE(documents_that_are_refused) {
    std::string deep;
    std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int level = 0; level < 100; ++level) {
        deep += "[";
    }
    deep += std::string(100, ']');
    for (int level = 1; level < 9; ++level) {
        laughs += fmt::format("a{0}: &a{0} [", level);
        for (int copy = 0; copy < 10; ++copy) {
            laughs += fmt::format("{}*a{}", copy == 0 ? "" : ", ", level - 1);
        }
        laughs += "]\n";
    }
    const std::string long_text = "t: &t " + std::string(600000, 'x') + "\n";
    std::string heavy = long_text + "l: [";
    for (int copy = 0; copy < 100; ++copy) {
        heavy += "*t, ";
    }
    heavy += "]\n";
    const std::tuple<std::string, DocumentSyntax, std::string_view> cases[] = {
        {"a: 1\nb: \"x\xFF\"\n", DocumentSyntax::yaml, "f:2:6: the byte 0xff is not UTF-8"},
        {"\xFF\xFE{\0"s, DocumentSyntax::yaml, "f:1:1: this is UTF-16"},
        {"a: \0"s, DocumentSyntax::yaml, "f:1:4: the byte 0x00"},
        {"a: 1\na: 2\n", DocumentSyntax::yaml, "f:2:1: the key \"a\" appears twice"},
        {"{\"a\": {\"b\": 1,\n \"b\": 2}}", DocumentSyntax::json,
         "f:2:2: the key \"b\" appears twice"},
        {"a: [1, 2\nb: 3\n", DocumentSyntax::yaml, "f:"},
        {"a: 'unclosed\n", DocumentSyntax::yaml, "f:"},
        {"\tb: 1\n", DocumentSyntax::yaml, "f:1:"},
        {"{\"a\": 1,}", DocumentSyntax::json, "f:1:"},
        {"{\"a\": 'x'}", DocumentSyntax::json, "f:1:"},
        {"{a: 1}", DocumentSyntax::json, "f:1:"},
        {"{\"a\": 1} x", DocumentSyntax::json, "f:1:"},
        {"{\"a\": NaN}", DocumentSyntax::json, "f:1:"},
        {"a: 1\n---\nb: 2\n", DocumentSyntax::yaml, "f:2:1: a second document"},
        {"[a]: 1\n", DocumentSyntax::yaml, "a key must be a string"},
        {"a: *missing\n", DocumentSyntax::yaml, "f:1:4: the alias *missing"},
        {"a: &a [*a]\n", DocumentSyntax::yaml, "the alias *a"},
        {"a: !secret x\n", DocumentSyntax::yaml, "the tag \"!secret\""},
        {"a: !!int x\n", DocumentSyntax::yaml, "\"x\" is no !!int"},
        {"a: .inf\n", DocumentSyntax::yaml, "not a number that a setting can have"},
        {"a: 18446744073709551616\n", DocumentSyntax::yaml, "does not fit into 64 bits"},
        {"a: 1e999\n", DocumentSyntax::yaml, "out of range"},
        {"a: {<<: 5}\n", DocumentSyntax::yaml, "the merge key << takes"},
        {std::string(300, 'k') + ": 1\n", DocumentSyntax::yaml, "a key is longer"},
        {deep, DocumentSyntax::yaml, "f:1:"},
        {laughs, DocumentSyntax::yaml, "aliases expanded"},
        {heavy, DocumentSyntax::yaml, "bytes of text"},
        {"{\"a\": \"\\ud800\"}", DocumentSyntax::json, "f:1:"},
    };
    for (const auto &[text, syntax, expected] : cases) {
        const auto document = parse_document(text, "f", syntax);
        BOOST_TEST_CONTEXT(text.substr(0, 60)) {
            BOOST_TEST(!document);
            if (!document) {
                BOOST_TEST(document.error().code == K2S_E_CONFIG);
                BOOST_TEST(document.error().message.starts_with("f:"));
                BOOST_TEST(contains(document.error().message, expected), document.error().message);
            }
        }
    }
}

// --- layers ---

BOOST_FIXTURE_TEST_CASE(nothing_given_means_defaults, Fixture) {
    const ConfigPtr config = load();
    BOOST_TEST(config->is_plain());
    BOOST_TEST(config->files().empty());
    BOOST_TEST(text(*config, "/log/level") == "\"info\"");
    BOOST_TEST(config->origin("/log/level").describe() == "default");
    BOOST_TEST(check_config(config, features).value() == config);
    BOOST_TEST(config->service_settings("x") == nullptr);

    // The logger's built-in values and the schema's are the same.
    options.set = {"log.max_bytes=500000"};
    const LogSettings parsed = log_settings(*load());
    const LogSettings built_in;
    BOOST_TEST(parsed.level == built_in.level);
    BOOST_TEST((parsed.format == built_in.format));
    BOOST_TEST(parsed.root == built_in.root);
    BOOST_TEST(parsed.max_bytes == built_in.max_bytes);
    BOOST_TEST(parsed.files == built_in.files);
    BOOST_TEST(parsed.to_file == built_in.to_file);
    BOOST_TEST(parsed.to_stderr == built_in.to_stderr);
}

BOOST_FIXTURE_TEST_CASE(later_layers_win_and_origins_tell, Fixture) {
    const std::string system =
        path_text(write("etc/k2s.yaml", "log:\n  level: error\n  files: 1\n  format: text\n"));
    const std::string user =
        path_text(write("user/k2s/k2s.json", "{\"log\": {\"files\": 2,\n \"max_bytes\": 40000}}"));
#ifdef _WIN32
    fs::rename(folder / "user" / "k2s", folder / "user" / "K2s");
#endif
    const fs::path user_file = user_config_files(where).back();
    struct Step {
        std::function<void()> add;
        const char *files;
        std::string origin;
    };
    const Step steps[] = {
        {[] {}, "2", path_text(user_file) + ":1:10"},
        {[&] { config_file("own.yml", "log: {files: 3}\n"); }, "3",
         path_text(folder / "own.yml") + ":1:7"},
        {[&] { options.variables = Variables{Variable{"K2S_LOG__FILES", "4"}}; }, "4",
         "environment K2S_LOG__FILES"},
        {[&] { options.set = {"log.files=5"}; }, "5", "--set log.files"},
        {[&] { options.set.push_back("/log/files=6"); }, "6", "--set /log/files"},
    };
    for (const Step &step : steps) {
        step.add();
        const ConfigPtr config = load();
        BOOST_TEST(text(*config, "/log/files") == step.files);
        BOOST_TEST(config->origin("/log/files").describe() == step.origin);
        BOOST_TEST(text(*config, "/log/level") == "\"error\"");
        BOOST_TEST(config->origin("/log/level").describe() == system + ":2:3");
        BOOST_TEST(text(*config, "/log/max_bytes") == "40000");
        BOOST_TEST(log_settings(*config).level == k_level_error);
    }
    BOOST_TEST(load()->files().size() == 3U);

    where.privileged = true;
    const ConfigPtr privileged = load();
    BOOST_TEST(text(*privileged, "/log/max_bytes") == "500000");
    BOOST_TEST(privileged->files().size() == 2U);
    options.machine_files = false;
    options.environment = false;
    options.set.clear();
    BOOST_TEST(text(*load(), "/log/files") == "3");
    BOOST_TEST(text(*load(), "/log/level") == "\"info\"");
}

BOOST_FIXTURE_TEST_CASE(null_takes_back_and_lists_are_replaced, Fixture) {
    config_file("c.yaml",
                "log: {level: debug, files: 2}\n"
                "services: {p: {feature: httpproxy, settings: {addr: 'a:1', allow: [x, y]}}}\n");
    options.set = {"log.level=null", "services.p.settings.allow=[\"z\"]"};
    const ConfigPtr config = check();
    BOOST_TEST(text(*config, "/log/level") == "\"info\"");
    BOOST_TEST(config->origin("/services/p/settings/allow").describe() ==
               "--set services.p.settings.allow");
    BOOST_TEST(text(*config, "/services/p/settings/allow") == "[\"z\"]");
    options.set = {"services=null"};
    BOOST_TEST(text(*check(), "/services") == "{}");
}

BOOST_FIXTURE_TEST_CASE(variables_find_their_keys, Fixture) {
    config_file("c.yaml", "services: {my-proxy: {feature: httpproxy, settings: {addr: 'a:1'}}}\n");
    options.variables = Variables{{"K2S_LOG_ROOT", "/x"},
                                  {"K2S_INSTALL_DIR", "/y"},
                                  {"K2S_STAGE", "/z"},
                                  {"K2S_SERVICES__MY_PROXY__SETTINGS__PORT", "81"},
                                  {"K2S_LOG__LEVEL", "debug+1"}};
    const ConfigPtr config = check();
    BOOST_TEST(text(*config, "/services/my-proxy/settings/port") == "81");
    BOOST_TEST(log_settings(*config).level == -3);
    options.variables = Variables{Variable{"K2S_LOG____LEVEL", "1"}};
    BOOST_TEST(
        contains(error().message, "environment K2S_LOG____LEVEL: a level of the name is empty"));
    options.variables = Variables{Variable{"K2S_LOG__ROOT", "\xFF"}};
    BOOST_TEST(contains(error().message, "not UTF-8"));
}

BOOST_FIXTURE_TEST_CASE(untyped_values_become_what_the_schema_wants, Fixture) {
    config_file("c.yaml", "services: {p: {feature: httpproxy, settings: {addr: 'a:1'}}}\n");
    options.set = {"services.p.settings.user=1234", "services.p.settings.addr=true",
                   "services.p.settings.port=80", "log.root=007", "log.level=4"};
    const ConfigPtr config = check();
    BOOST_TEST(text(*config, "/services/p/settings/user") == "\"1234\"");
    BOOST_TEST(text(*config, "/services/p/settings/addr") == "\"true\"");
    BOOST_TEST(text(*config, "/services/p/settings/port") == "80");
    BOOST_TEST(text(*config, "/log/root") == "\"007\"");
    BOOST_TEST(log_settings(*config).level == k_level_warn);
    // In a file the types are there to be used.
    options.set.clear();
    config_file("c.yaml",
                "services: {p: {feature: httpproxy, settings: {addr: 'a:1', user: 1234}}}\n");
    BOOST_TEST(contains(error().message, "1234 is an integer; expected a text"));
}

BOOST_FIXTURE_TEST_CASE(keys_of_set, Fixture) {
    options.set = {R"(services.a\.b.feature=httpproxy)", "/services/a.b/settings/addr=x:1"};
    BOOST_TEST(text(*check(), "/services/a.b/settings/addr") == "\"x:1\"");
    for (const char *wrong : {"log.level", "=x", ".a=1", "log..level=1", "log.=1", "/=1", ""}) {
        options.set = {wrong};
        BOOST_TEST(error().code == K2S_E_USAGE);
        BOOST_TEST(contains(error().message, "write KEY=VALUE"));
    }
    std::string deep = "log.root=";
    for (int level = 0; level < 5000; ++level) {
        deep += "[";
    }
    options.set = {deep + std::string(5000, ']')};
    BOOST_TEST(load()->find("/log/root")->is_string()); // too deep for JSON: text
}

// --- checks ---

BOOST_FIXTURE_TEST_CASE(settings_get_defaults, Fixture) {
    config_file("c.yaml", R"(features:
  httpproxy:
    settings: {user: all, port: 1}
services:
  one: {feature: httpproxy, settings: {addr: "a:1", port: 2, upstream: {url: "http://u"}}}
  httpproxy: {settings: {addr: "b:1"}, enabled: false}
)");
    const ConfigPtr config = check();
    const json *one = config->service_settings("one");
    BOOST_REQUIRE(one != nullptr);
    BOOST_TEST(*one == json::parse(R"({"addr": "a:1", "port": 2, "user": "all", "mode": "safe",
        "tls": {"minimum": "1.2"}, "upstream": {"url": "http://u", "retries": 2}})"));
    BOOST_TEST(config->service_settings("httpproxy")->at("port") == 1);
    BOOST_TEST(text(*config, "/services/httpproxy/feature") == "\"httpproxy\"");
    BOOST_TEST(text(*config, "/services/one/enabled") == "true");
    BOOST_TEST(config->feature_settings("httpproxy")->at("user") == "all");
    BOOST_TEST(config->origin("/services/one/settings/user").line == 3U);
    BOOST_TEST(config->origin("/services/one/settings/port").line == 5U);
}

BOOST_FIXTURE_TEST_CASE(findings_name_place_and_remedy, Fixture) {
    struct Case {
        const char *yaml;
        const char *line; // the whole line behind the file's name
    };
    const Case cases[] = {
        {"log: 5\n", ":1:1: /log: 5 is an integer; expected a mapping"},
        {"log: {level: []}\n", ":1:7: /log/level: [] is a list; expected a text or an integer"},
        {"log:\n  levle: debug\n", ":2:3: /log/levle: unknown key; did you mean \"level\"?; known "
                                   "here: file, files, format, level, "
                                   "max_bytes, root, stderr"},
        {"log: {format: jsn}\n", ":1:7: /log/format: \"jsn\" is not possible; expected \"auto\", "
                                 "\"text\" or \"json\"; did you "
                                 "mean \"json\"?"},
        {"log: {files: 101}\n", ":1:7: /log/files: 101 is too large; expected at most 100"},
        {"log: {files: -1}\n", ":1:7: /log/files: -1 is too small; expected at least 0"},
        {"log: {files: 1.5}\n", ":1:7: /log/files: 1.5 is a number; expected an integer"},
        {"log: {level: loud}\n", ":1:7: /log/level: \"loud\" is not a log level"},
        {"logs: {}\n", ":1:1: /logs: unknown key; did you mean \"log\"?"},
        {"limits: {probe_seconds: 0}\n",
         ":1:10: /limits/probe_seconds: 0 is too small; expected more than 0"},
        {"admin: {http: '0.0.0.0:80'}\n",
         ":1:9: /admin/http: \"0.0.0.0:80\" is not a loopback address"},
        {"plugins: {netwroking: {}}\n", ":1:11: /plugins/netwroking: there is no plugin "
                                        "\"netwroking\"; did you mean \"networking\"?"},
        {"features: {http: {enabled: false}}\n",
         ":1:12: /features/http: there is no feature \"http\"; known: httpproxy, yaml2json"},
        {"services: {p: {feature: httprpoxy}}\n", ":1:16: /services/p/feature: there is no feature "
                                                  "\"httprpoxy\"; did you mean \"httpproxy\"?"},
        {"services: {p: {feature: yaml2json}}\n",
         ":1:16: /services/p/feature: the feature \"yaml2json\" is a command"},
        {"services: {p: {feature: httpproxy}}\n",
         ":1:12: /services/p/settings: the key \"addr\" is missing; add it"},
        {"services: {p: {feature: httpproxy, isolation: thread}}\n",
         ":1:36: /services/p/isolation: \"thread\" is not possible; expected \"none\" or "
         "\"process\""},
        {"services: {p: {feature: httpproxy,\n settings: {addr: x, prot: 1}}}\n",
         ":2:22: /services/p/settings/prot: unknown key; did you mean \"port\"?"},
        {"services: {p: {feature: httpproxy, settings: {addr: x, port: 70000}}}\n",
         ":1:56: /services/p/settings/port: 70000 is too large; expected at most 65535"},
        {"services: {p: {feature: httpproxy, settings: {addr: x, allow: [a, 5]}}}\n",
         "/services/p/settings/allow/1: 5 is an integer; expected a text"},
        {"services: {p: {feature: httpproxy, settings: {addr: x, allow: [a, b, c, d]}}}\n",
         "/services/p/settings/allow: [\"a\",\"b\",\"c\",\"d\"] is too long; expected at most 3 "
         "items"},
        {"services: {p: {feature: httpproxy, settings: {addr: x, upstream: {}}}}\n",
         ":1:56: /services/p/settings/upstream: the key \"url\" is missing"},
        // What stands in a secret's place is not told.
        {"services: {p: {feature: httpproxy, settings: {addr: x, password: 123456}}}\n",
         ":1:56: /services/p/settings/password: the value is an integer; expected a text"},
        {"services: {p: {feature: httpproxy, settings: {addr: x, password: {a: secret}}}}\n",
         ":1:56: /services/p/settings/password: the value is a mapping; expected a text"},
        {"services: {p: {feature: httpproxy, settings: {addr: x, password: pw1}}}\n",
         ":1:56: /services/p/settings/password: the value is too short; expected at least 4"},
        {"services: {Bad Name: {feature: httpproxy}}\n", ":1:12: /services/Bad Name: not a name"},
        {"features: {yaml2json: {settings: {x: 1}}}\n",
         ":1:35: /features/yaml2json/settings/x: unknown key; known here: none"},
        {"features: {httpproxy: {settings: {port: no}}}\nservices: {httpproxy: {settings: {addr: "
         "x}}}\n",
         ":1:35: /features/httpproxy/settings/port: \"no\" is a text; expected an integer"},
    };
    for (const Case &c : cases) {
        config_file("c.yaml", c.yaml);
        BOOST_TEST_CONTEXT(c.yaml) {
            const k2s::Error found = error();
            BOOST_TEST(found.code == K2S_E_CONFIG);
            BOOST_TEST(found.message.starts_with(options.file + ":"));
            BOOST_TEST(contains(found.message, c.line), found.message);
            BOOST_TEST(!contains(found.message, "\n"), found.message);
        }
    }
    options.file.clear();
    options.set = {"log.files=many"};
    BOOST_TEST(error().message ==
               "--set log.files: /log/files: \"many\" is a text; expected an integer");
    options.set = {"log.files=-5", "log.format=x"};
    BOOST_TEST(contains(error().message, "/log/files"));
    BOOST_TEST(contains(error().message, "\n--set log.format: /log/format"));
    // Nor where it came from.
    options.set = {"services.p.feature=httpproxy", "services.p.settings.addr=x",
                   "services.p.settings.password=pw1"};
    BOOST_TEST(error().message ==
               "--set services.p.settings.password: /services/p/settings/password: the value is "
               "too short; expected at least 4 characters");
}

BOOST_FIXTURE_TEST_CASE(files_that_cannot_be_used, Fixture) {
    options.file = path_to_utf8(folder / "none.yaml");
    BOOST_TEST(error().code == K2S_E_NOT_FOUND);
    BOOST_TEST(contains(error().message, "--config: cannot read"));
    options.file = path_to_utf8(folder);
    BOOST_TEST(contains(error().message, "directory"));
    config_file("big.yaml", std::string(1024 * 1024 + 1, '#'));
    BOOST_TEST(contains(error().message, "longer than the limit"));
    config_file("list.yaml", "- a\n");
    BOOST_TEST(contains(error().message, "list.yaml:1:1: a configuration is a mapping"));
    config_file("bytes.json", "{\"log\": {\"root\": \"\xE9\"}}");
    BOOST_TEST(contains(error().message, "bytes.json:1:19: the byte 0xe9 is not UTF-8"));
    options.file.clear();
    write("etc/k2s.yaml", "log: {}\n");
    BOOST_TEST(load()->files().size() == 1U);
    write("etc/k2s.json", "{}");
    BOOST_TEST(contains(error().message, "both exist"));
}

BOOST_FIXTURE_TEST_CASE(broken_schemas_are_reported, Fixture) {
    options.set = {"services.p.feature=httpproxy"};
    for (const char *broken :
         {R"({"type": "strnig"})", R"({"properties": 5})", R"({"$ref": "http://x/y"})"}) {
        features[0].schema = json::parse(broken);
        const k2s::Error found = error();
        BOOST_TEST(found.code == K2S_E_CONFIG);
        BOOST_TEST(contains(found.message, "plugin networking, feature httpproxy"), found.message);
    }
}

BOOST_FIXTURE_TEST_CASE(settings_of_a_command_line, Fixture) {
    auto settings = check_settings(features[0], {{"addr", ":8181"}}, "httpproxy");
    BOOST_REQUIRE(settings);
    BOOST_TEST(settings->at("user") == "nobody");
    settings = check_settings(features[0], {{"addr", 5}}, "httpproxy");
    BOOST_TEST(settings.error().message == "httpproxy: /addr: 5 is an integer; expected a text");
    BOOST_TEST(check_settings(features[1], json::object(), "x").value() == json::object());
    BOOST_TEST(!check_settings(features[1], {{"a", 1}}, "x"));
}

// --- reports ---

BOOST_FIXTURE_TEST_CASE(show_hides_secrets_and_names_origins, Fixture) {
    config_file("c.yaml", "services: {p: {feature: httpproxy, settings: {addr: 'a:1'}}}\n");
    options.set = {"services.p.settings.password=hunter2"};
    const ConfigPtr config = check();
    BOOST_TEST(config->service_settings("p")->at("password") == "hunter2");
    const auto tree = config_show(*config, false);
    BOOST_TEST(tree["services"]["p"]["settings"]["password"] == "(hidden)");
    BOOST_TEST(tree["log"]["level"] == "info");
    const auto rows = config_show(*config, true);
    BOOST_TEST(!contains(rows.dump(), "hunter2"));
    const auto row = [&](std::string_view key) {
        for (const auto &one : rows) {
            if (one["key"] == key) {
                return one.dump();
            }
        }
        return "no row "s + std::string(key);
    };
    BOOST_TEST(row("log.level") ==
               R"({"key":"log.level","value":"info","layer":"default","origin":"default"})");
    BOOST_TEST(
        row("services.p.settings.mode") ==
        R"({"key":"services.p.settings.mode","value":"safe","layer":"default","origin":"default"})");
    BOOST_TEST(contains(row("services.p.settings.addr"), "c.yaml:1:47"));
    BOOST_TEST(contains(row("services.p.settings.password"),
                        R"("layer":"command line","origin":"--set services.p.settings.password")"));
}

BOOST_FIXTURE_TEST_CASE(validation_data, Fixture) {
    config_file("c.yaml", "log: {files: x, format: y}\n");
    const k2s::Error found = error();
    const auto report = config_validation(nullptr, &found);
    BOOST_TEST(report["valid"] == false);
    BOOST_TEST(report["errors"].size() == 2U);
    config_file("c.yaml", "log: {files: 1}\n");
    const auto good = config_validation(load().get(), nullptr);
    BOOST_TEST(good["valid"] == true);
    BOOST_TEST(good["files"].size() == 1U);
    BOOST_TEST(good["errors"].empty());
}

BOOST_FIXTURE_TEST_CASE(the_composed_schema_agrees_with_the_checks, Fixture) {
    const json schema = config_schema(features);
    const std::pair<const char *, bool> cases[] = {
        {R"({})", true},
        {R"({"log": {"level": "debug"}, "services": {"p": {"feature": "httpproxy", "settings": {"port": 5}}}})",
         true},
        {R"({"services": {"p": {"feature": "httpproxy", "settings": {"port": 0}}}})", false},
        {R"({"services": {"p": {"feature": "httpproxy", "settings": {"prot": 5}}}})", false},
        {R"({"features": {"httpproxy": {"settings": {"port": 5}}}})", true},
        {R"({"features": {"httpproxy": {"settings": {"port": 70000}}}})", false},
        {R"({"features": {"yaml2json": {"settings": {"a": 1}}}})", false},
        {R"({"features": {"other": {}}})", false},
        {R"({"plugins": {"networking": {"enabled": false}}})", true},
        {R"({"plugins": {"other": {"enabled": false}}})", false},
    };
    for (const auto &[text, valid] : cases) {
        const auto findings = check_schema(schema, json::parse(text), "composed");
        BOOST_REQUIRE_MESSAGE(findings, (findings ? "" : findings.error().message));
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(findings->empty() == valid);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(changes_of_a_reload, Fixture) {
    const ConfigPtr before = load();
    options.set = {"log.level=debug", "services.p.feature=httpproxy", "services.p.settings.addr=x"};
    const ConfigPtr after = load();
    BOOST_TEST(config_changes(*before, *before).empty());
    BOOST_TEST(config_changes(*before, *after) ==
                   (std::vector<std::string>{"/log/level", "/services/p"}),
               boost::test_tools::per_element());
    BOOST_TEST(config_changes(*after, *before) ==
                   (std::vector<std::string>{"/log/level", "/services/p"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(multiples_of_a_real_number) {
    const auto is_multiple = [](double value, double of) {
        const auto findings = check_schema({{"multipleOf", of}}, value, "number");
        return findings && findings->empty();
    };
    for (const double of : {0.5, 0.1, 0.01, 3.5, -0.25, 1e-3, 0x1p70}) {
        for (const double times : {-3.0, 1.0, 2.0, 17.0}) {
            BOOST_TEST(is_multiple(times * of, of), times << " times " << of);
            BOOST_TEST(!is_multiple((times + 0.5) * of, of), times << " and a half times " << of);
        }
    }
    BOOST_TEST(is_multiple(1e300, 0.5));
    BOOST_TEST(!is_multiple(0.2, 0.5));
    BOOST_TEST(!is_multiple(0.4, 0.5)); // nearer to the next multiple
    BOOST_TEST(!is_multiple(1e-10, 0.5));
}
