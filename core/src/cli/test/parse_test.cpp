// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE parse
#include <boost/test/included/unit_test.hpp>

#include <string>
#include <vector>

#include "cli/address.hpp"
#include "cli/text.hpp"
#include "cli/value.hpp"
#include "fixture.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

using Words = std::vector<std::string>;

/// "name=text …" of the options, "<text>" of the arguments, "@name=text" of the host's; those that
/// were given only.
std::string given(const Invocation &invocation) {
    std::string result;
    const auto add = [&](std::string_view mark, const std::vector<Value> &values) {
        for (const auto &value : values) {
            for (const auto &item : value.items) {
                if (value.origin == Origin::given) {
                    result += result.empty() ? "" : " ";
                    result += mark == "<" ? "<" + item.text + ">"
                                          : std::string(mark) + value.name + "=" + item.text;
                }
            }
        }
    };
    add("", invocation.options);
    add("<", invocation.arguments);
    add("@", invocation.host);
    return result;
}

Result<Invocation> parse(const Tool &tool, const Words &words, const Environment &env = {}) {
    return parse_command_line(tool, words, env);
}

struct Good {
    const char *tool;
    Words words;
    const char *expected;
};

struct Bad {
    const char *tool;
    Words words;
    const char *expected; // a part of the message
};

Tool tool_named(const std::string &name) {
    return name == "k2s" ? k2s_tool() : preset(name);
}

} // namespace

BOOST_AUTO_TEST_CASE(original_flags_in_every_spelling) {
    const std::vector<Good> cases = {
        {"httpproxy", {}, ""},
        {"httpproxy", {"--addr", "127.0.0.1:8181"}, "addr=127.0.0.1:8181"},
        {"httpproxy", {"-addr", ":1", "-addr=:2"}, "addr=:2"}, // the last one counts
        {"httpproxy", {"--addr=:8181", "-verbose=false"}, "verbose=false addr=:8181"},
        {"httpproxy", {"-verbose", "--verbose=0"}, "verbose=0"},
        {"httpproxy", {"--verbose=T"}, "verbose=T"},
        {"httpproxy", {"-forwardproxy", ""}, "forwardproxy="},
        {"httpproxy", {"-forwardproxy="}, "forwardproxy="},
        {"httpproxy",
         {"--forwardproxy", "http://u:p@proxy:3128"},
         "forwardproxy=http://u:p@proxy:3128"},
        {"httpproxy",
         {"--allowed-cidr", "172.20.0.0/16", "--allowed-cidr", "172.21.0.0/16",
          "-allowed-cidr=fd00::/8"},
         "allowed-cidr=172.20.0.0/16 allowed-cidr=172.21.0.0/16 allowed-cidr=fd00::/8"},
        {"httpproxy",
         {"--config", "a.json", "--set", "a=b", "-set=c=d", "--log-level=debug"},
         "@config=a.json @set=a=b @set=c=d @log-level=debug"},
        {"vfprules", {"-portid", "0f2e"}, "portid=0f2e"},
        {"vfprules", {"-portid", "-x"}, "portid=-x"}, // as Go: the next word is the value
        {"l4proxy",
         {"-podname", "p", "-namespace", "n", "-endpointid", "e"},
         "podname=p namespace=n endpointid=e"},
        {"cloudinitisobuilder",
         {"-sourceDir", R"(C:\a b)", "-targetFilePath=c.iso"},
         R"(sourceDir=C:\a b targetFilePath=c.iso)"},
        {"cloudinitisobuilder",
         {"-sourceDir", "\xff\xfe", "-targetFilePath=c"},
         "sourceDir=\xff\xfe targetFilePath=c"}, // paths are bytes
        {"devgon",
         {"install", "-p", "netloop.inf", "-i", "*MSLOOP"},
         "inf-path=netloop.inf hardware-id=*MSLOOP"},
        {"devgon", {"install", "--inf-path=a", "-i*MSLOOP"}, "inf-path=a hardware-id=*MSLOOP"},
        {"devgon",
         {"remove", "-qvdebug", "-i=ROOT\\NET\\0"},
         "hardware-instance-id=ROOT\\NET\\0 verbosity=debug quick=true"},
        {"devgon",
         {"remove", "-q", "-i", "x", "-verbosity", "w"},
         "hardware-instance-id=x verbosity=w quick=true"},
        {"cplauncher",
         {"-compartment", "0x10", "--", "a.exe", "-x"},
         "compartment=0x10 <a.exe> <-x>"},
        {"cplauncher",
         {"-label", "app=x", "-label-timeout", "1m", "a.exe", "-label", "--", "y"},
         "label=app=x label-timeout=1m <a.exe> <-label> <--> <y>"},
        {"cplauncher",
         {"-v", "debug+4", "-self-env", "-no-inject", "-dry-run", "-logs-keep=5", "-log-max-age",
          "7d", "-wait-tree", "-legacy-inject", "-dll", "c.dll", "-export", "E", "-env-name", "N",
          "-namespace", "n", "t"},
         "namespace=n dll=c.dll export=E self-env=true no-inject=true env-name=N dry-run=true "
         "verbosity=debug+4 logs-keep=5 log-max-age=7d wait-tree=true legacy-inject=true <t>"},
        {"yaml2json",
         {"-input", "a", "-output", "b", "-indent", "-verbosity", "error"},
         "input=a output=b indent=true verbosity=error"},
        {"yaml2json", {"-i", "a", "-o=b"}, "input=a output=b"},
        {"yaml2json", {"-"}, "<->"},
        {"yaml2json", {"a", "-indent"}, "indent=true <a>"},
        {"yaml2json", {"--", "-indent"}, "<-indent>"},
        {"zap", {"-folder", R"(\\?\C:\x)"}, R"(folder=\\?\C:\x)"},
        {"k2s", {"zap", "--folder", "x"}, "folder=x"},
        {"k2s",
         {"--config", "c", "plugin", "--set=a=1", "list", "--format", "yaml"},
         "@format=yaml @config=c @set=a=1"},
        {"k2s", {"plugin", "info", "-ojson", "storage"}, "output=json <storage>"},
        {"k2s",
         {"install", "-af", "--master-memory=8G", "-w", "1m30s", "--dry-run"},
         "master-memory=8G wait=1m30s all=true force=true @dry-run=true"},
        {"k2s", {"install", "buildonly"}, ""},
    };
    for (const auto &[tool, words, expected] : cases) {
        BOOST_TEST_CONTEXT(tool << ": " << expected) {
            const auto invocation = parse(tool_named(tool), words);
            BOOST_REQUIRE_MESSAGE(invocation, (invocation ? "" : invocation.error().message));
            BOOST_TEST((invocation->action == Action::run));
            BOOST_TEST(given(*invocation) == expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(usage_errors) {
    const std::string huge(9'000'000, 'x');
    const std::vector<Bad> cases = {
        {"httpproxy", {"-adr", ":1"}, "unknown option \"-adr\"; did you mean -addr?"},
        {"httpproxy", {"--allowed-cdir=1"}, "did you mean -allowed-cidr?"},
        {"httpproxy", {"-zzzzzzz"}, "unknown option \"-zzzzzzz\"; see 'httpproxy --help'"},
        {"httpproxy", {"-addr"}, "option -addr needs a value: -addr HOST:PORT"},
        {"httpproxy", {"-addr", "8181"}, "option -addr: \"8181\" is not host:port"},
        {"httpproxy", {"-addr="}, "option -addr: \"\" is not host:port"},
        {"httpproxy", {"-addr", ":x", "-addr", ":1"}, "option -addr"},
        {"httpproxy", {"-allowed-cidr", "10.0.0.0"}, "is not a network such as"},
        {"httpproxy", {"-forwardproxy", "http://http://p"}, "is not a URL"},
        {"httpproxy", {"-verbose", "false"}, "a switch takes its value with \"=\""},
        {"httpproxy", {"-verbose=maybe"}, "\"maybe\" is not true or false"},
        {"httpproxy", {"---addr", "x"}, "\"---addr\" is not an option"},
        {"httpproxy", {"-=x"}, "\"-=x\" is not an option"},
        {"httpproxy", {"x\x1b[31m"}, "unexpected argument \"x\\x1b[31m\""},
        {"httpproxy", {"-log-level", "\xff"}, "\"\\xff\" is not UTF-8"},
        {"httpproxy", {"-log-level", std::string("a\0b", 3)}, "without NUL"},
        {"vfprules", {}, "missing: -portid; see 'vfprules --help'"},
        {"l4proxy", {"-namespace", "n"}, "missing: -podname, -endpointid"},
        {"cloudinitisobuilder",
         {"-sourceDir", "", "-targetFilePath", "x"},
         "a path that is not empty"},
        {"cloudinitisobuilder",
         {"-sourceDir", "a", "-targetFilePath", "b", "stray"},
         "unexpected argument \"stray\""},
        {"cloudinitisobuilder", {"-sourcedir", "a"}, "did you mean -sourceDir?"},
        {"devgon", {"instal"}, "unknown command \"instal\"; did you mean \"install\"?"},
        {"devgon", {"install", "-x"}, "unknown option \"-x\""},
        {"devgon", {"install", "-p"}, "option --inf-path needs a value"},
        {"devgon", {"remove", "-qx"}, "unknown option \"-x\""},
        {"devgon", {"install", "-p", "a"}, "devgon install: missing: --hardware-id"},
        {"cplauncher", {}, "the argument target is missing"},
        {"cplauncher", {"-compartment", "1.5", "x"}, "is not a whole number"},
        {"cplauncher", {"-label-timeout", "20", "x"}, "is not a duration"},
        {"yaml2json", {"a", "b"}, "unexpected argument \"b\""},
        {"yaml2json", {"-it"}, "unknown option \"-it\""}, // no groups in Go style
        {"k2s", {"plugn"}, "unknown command \"plugn\"; did you mean \"plugin\"?"},
        {"k2s", {"secre"}, "unknown command \"secre\"; see 'k2s --help'"}, // hidden ones stay so
        {"k2s", {"plugin", "lst"}, "k2s plugin: unknown command \"lst\"; did you mean \"list\"?"},
        {"k2s", {"help", "plugin", "x"}, "unknown command \"x\""},
        {"k2s", {"--confg=x", "plugin"}, "did you mean --config?"},
        {"k2s",
         {"plugin", "list", "--format", "jsn"},
         "not one of text, json, yaml; did you mean \"json\"?"},
        {"k2s", {"plugin", "list", "--dry-run"}, "unknown option \"--dry-run\""},
        {"k2s", {"plugin", "info"}, "the argument id is missing"},
        {"k2s", {"plugin", "list", "--version"}, "unknown option \"--version\""},
        {"k2s", {huge}, "more than the limit of"},
        {"k2s", Words(70'000, "x"), "has 70000 words"},
    };
    for (const auto &[tool, words, expected] : cases) {
        BOOST_TEST_CONTEXT(tool << ": " << expected) {
            const auto invocation = parse(tool_named(tool), words);
            BOOST_REQUIRE(!invocation);
            const auto &[code, message] = invocation.error();
            BOOST_TEST(code == K2S_E_USAGE);
            BOOST_TEST(message.starts_with(tool));
            BOOST_TEST(message.find(expected) != std::string::npos, message);
            BOOST_TEST(message.size() < 400U);
        }
    }
}

BOOST_AUTO_TEST_CASE(many_words_are_read_fast_enough) {
    const auto tool = preset("cplauncher");
    const auto invocation = parse(tool, Words(60'000, "x"));
    BOOST_REQUIRE(invocation);
    BOOST_TEST(invocation->arguments.at(0).items.size() == 60'000U);
}

BOOST_AUTO_TEST_CASE(help_and_version) {
    struct Case {
        const char *tool;
        Words words;
        Action action;
        Words path;
    };
    const Case cases[] = {
        {"httpproxy", {"-h"}, Action::help, {}},
        {"httpproxy", {"-help"}, Action::help, {}},
        {"httpproxy", {"--help", "-addr", "nonsense"}, Action::help, {}},
        {"httpproxy", {"-addr", "nonsense", "--help"}, Action::help, {}},
        {"httpproxy", {"-version"}, Action::version, {}},
        {"httpproxy", {"--version"}, Action::version, {}},
        {"vfprules", {"--help"}, Action::help, {}}, // nothing is missing then
        {"devgon", {}, Action::help, {}},
        {"devgon", {"-h"}, Action::help, {}},
        {"devgon", {"install", "-h"}, Action::help, {"install"}},
        {"devgon", {"--version"}, Action::version, {}},
        {"devgon", {"help", "install"}, Action::help, {"install"}},
        {"k2s", {}, Action::help, {}},
        {"k2s", {"help"}, Action::help, {}},
        {"k2s", {"help", "plugin", "list"}, Action::help, {"plugin", "list"}},
        {"k2s", {"plugin"}, Action::help, {"plugin"}},
        {"k2s", {"plugin", "--help"}, Action::help, {"plugin"}},
        {"k2s", {"--help", "plugin"}, Action::help, {}},
        {"k2s", {"plugin", "list", "--help"}, Action::help, {"plugin", "list"}},
        {"k2s", {"httpproxy", "-help"}, Action::help, {"httpproxy"}},
        {"k2s", {"--version"}, Action::version, {}},
        {"httpproxy", {"-help=false"}, Action::run, {}},
    };
    for (const auto &[tool, words, action, path] : cases) {
        BOOST_TEST_CONTEXT(tool << " with " << words.size() << " words, first "
                                << (words.empty() ? "" : words.front())) {
            const auto invocation = parse(tool_named(tool), words);
            BOOST_REQUIRE_MESSAGE(invocation, (invocation ? "" : invocation.error().message));
            BOOST_TEST((invocation->action == action));
            BOOST_TEST((invocation->path == path));
        }
    }
    // Behind "--" it is the argument of another program.
    BOOST_TEST((parse(preset("cplauncher"), {"--", "x", "--help"})->action == Action::run));
}

BOOST_AUTO_TEST_CASE(values_have_types_and_origins) {
    const auto tool = k2s_tool();
    const auto invocation = parse(tool, {"install", "--master-memory", "1.5KiB", "-a"});
    BOOST_REQUIRE(invocation);
    const auto *memory = invocation->option("master-memory");
    BOOST_REQUIRE(memory != nullptr);
    BOOST_TEST(std::get<int64_t>(memory->items.at(0).value) == 1536);
    BOOST_TEST((memory->origin == Origin::given));
    BOOST_TEST(memory->json() == "1.5KiB");
    BOOST_TEST(std::get<int64_t>(invocation->option("wait")->items.at(0).value) == 30'000'000'000);
    BOOST_TEST((invocation->option("wait")->origin == Origin::fallback));
    BOOST_TEST(std::get<double>(invocation->option("share")->items.at(0).value) == 0.5);
    BOOST_TEST(std::get<bool>(invocation->option("all")->items.at(0).value));
    BOOST_TEST(!std::get<bool>(invocation->option("force")->items.at(0).value));
    BOOST_TEST(invocation->option("force")->json() == false);
    BOOST_TEST(invocation->option("nothing") == nullptr);
    BOOST_TEST(std::get<bool>(invocation->host_option("dry-run")->items.at(0).value) == false);

    const auto proxy = parse(preset("httpproxy"), {"-allowed-cidr", "10.0.0.0/8"});
    BOOST_TEST(proxy->option("allowed-cidr")->json() == nlohmann::json({"10.0.0.0/8"}));
    BOOST_TEST(proxy->option("allowed-cidr")->list);
    BOOST_TEST(std::get<std::string>(proxy->option("forwardproxy")->items.at(0).value).empty());
    BOOST_TEST(proxy->host_option("config") == nullptr);
}

BOOST_AUTO_TEST_CASE(environment_is_between_default_and_command_line) {
    const auto tool = preset("yaml2json");
    const auto value = [&](const Words &words, const Environment &env) {
        const auto invocation = parse(tool, words, env);
        BOOST_REQUIRE(invocation);
        return *invocation->option("verbosity");
    };
    BOOST_TEST(value({}, environment({})).items.at(0).text == "info");
    BOOST_TEST(value({}, environment({{"YAML2JSON_VERBOSITY", ""}})).items.at(0).text == "info");
    const auto from_env = value({}, environment({{"YAML2JSON_VERBOSITY", "warn"}}));
    BOOST_TEST(from_env.items.at(0).text == "warn");
    BOOST_TEST((from_env.origin == Origin::environment));
    BOOST_TEST(value({"-verbosity", "error"}, environment({{"YAML2JSON_VERBOSITY", "warn"}}))
                   .items.at(0)
                   .text == "error");

    auto command = make_command(
        {"t"}, Style::go,
        {repeated(make_option("net", ValueType::cidr)), make_option("count", ValueType::integer)});
    command.options[0].env = "NETS";
    command.options[1].env = "COUNT";
    Tool own;
    own.name = "t";
    own.root = {"t"};
    own.commands = {&command};
    const auto list = parse(own, {}, environment({{"NETS", "10.0.0.0/8,,fd00::/8"}}));
    BOOST_REQUIRE(list);
    BOOST_TEST(list->option("net")->items.size() == 2U);
    const auto bad = parse(own, {}, environment({{"COUNT", "many"}}));
    BOOST_REQUIRE(!bad);
    BOOST_TEST(bad.error().message.find("environment variable COUNT: \"many\" is not") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(commands_win_over_the_options_of_the_host) {
    auto command = make_command({"t"}, Style::posix,
                                {make_option("format", ValueType::string, nullptr, "h"),
                                 make_option("config", ValueType::integer)});
    command.output = Output::data;
    Tool tool;
    tool.name = "t";
    tool.root = {"t"};
    tool.commands = {&command};
    tool.globals = standard_globals();
    const auto invocation = parse(tool, {"-h", "iso", "--config", "5"});
    BOOST_REQUIRE(invocation);
    BOOST_TEST(invocation->option("format")->items.at(0).text == "iso");
    BOOST_TEST(std::get<int64_t>(invocation->option("config")->items.at(0).value) == 5);
    BOOST_TEST(invocation->host_option("format") == nullptr);
    BOOST_TEST(invocation->host_option("config") == nullptr);
    BOOST_TEST((parse(tool, {"--help"})->action == Action::help));
}

BOOST_AUTO_TEST_CASE(durations_and_sizes) {
    struct Case {
        const char *text;
        std::optional<int64_t> expected;
    };
    const Case durations[] = {
        {"0", 0},
        {"1ns", 1},
        {"1us", 1'000},
        {"1µs", 1'000},
        {"500ms", 500'000'000},
        {"1m30s", 90'000'000'000},
        {"1.5h", 5'400'000'000'000},
        {".5s", 500'000'000},
        {"7d", 604'800'000'000'000},
        {"1w", 604'800'000'000'000},
        {"0.1ns", 0},
        {"292y", {}},
        {"", {}},
        {"5", {}},
        {"s", {}},
        {"-1s", {}},
        {"1s ", {}},
        {"1.s.", {}},
        {"1..5s", {}},
        {"1e3s", {}},
        {"9223372036854775807ns", 9223372036854775807},
        {"9223372036854775808ns", {}},
        {"99999w", {}},
        {"9223372036854775807ns1ns", {}},
    };
    for (const auto &[text, expected] : durations) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST((parse_duration(text) == expected));
        }
    }
    const Case sizes[] = {
        {"0", 0},
        {"512", 512},
        {"512B", 512},
        {"64KiB", 65536},
        {"64K", 65536},
        {"64k", 65536},
        {"64Ki", 65536},
        {"10M", 10485760},
        {"10MB", 10'000'000},
        {"1kB", 1'000},
        {"0.5G", 536870912},
        {"2TiB", 2199023255552},
        {"1.1K", 1126},
        {"", {}},
        {"K", {}},
        {"1 K", {}},
        {"1KK", {}},
        {"-1", {}},
        {"1P", {}},
        {"9999999T", {}},
        {"0x10", {}},
    };
    for (const auto &[text, expected] : sizes) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST((parse_size(text) == expected));
        }
    }
}

BOOST_AUTO_TEST_CASE(numbers) {
    struct Case {
        ValueType type;
        const char *text;
        bool good;
    };
    const Case cases[] = {
        {ValueType::integer, "-9223372036854775808", true},
        {ValueType::integer, "-9223372036854775809", false},
        {ValueType::integer, "9223372036854775807", true},
        {ValueType::integer, "9223372036854775808", false},
        {ValueType::integer, "+5", true},
        {ValueType::integer, "0xFF", true},
        {ValueType::integer, "0x", false},
        {ValueType::integer, "", false},
        {ValueType::integer, "--5", false},
        {ValueType::integer, "5 ", false},
        {ValueType::real, "1e3", true},
        {ValueType::real, "-0.5", true},
        {ValueType::real, "nan", false},
        {ValueType::real, "inf", false},
        {ValueType::real, "1e999", false},
        {ValueType::real, "0,5", false},
    };
    for (const auto &[type, text, good] : cases) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(convert(type, {}, text).has_value() == good);
        }
    }
    BOOST_TEST(std::get<int64_t>(*convert(ValueType::integer, {}, "-9223372036854775808")) ==
               std::numeric_limits<int64_t>::min());
}

BOOST_AUTO_TEST_CASE(addresses) {
    struct Case {
        bool (*check)(std::string_view);
        const char *text;
        bool good;
    };
    const Case cases[] = {
        {is_ipv4, "172.20.0.1", true},
        {is_ipv4, "1.2.3", false},
        {is_ipv4, "1.2.3.256", false},
        {is_ipv4, "1.2.3.04", false},
        {is_ipv4, "1.2.3.4.5", false},
        {is_ipv4, "1.2.3.", false},
        {is_ipv6, "::", true},
        {is_ipv6, "::1", true},
        {is_ipv6, "fd00::", true},
        {is_ipv6, "1:2:3:4:5:6:7:8", true},
        {is_ipv6, "::ffff:1.2.3.4", true},
        {is_ipv6, "1:2:3:4:5:6:7", false},
        {is_ipv6, "1::2::3", false},
        {is_ipv6, "12345::", false},
        {is_ipv6, "1:2:3:4:5:6:7::8", false},
        {is_ipv6, ":1", false},
        {is_ipv6, ":::", false},
        {is_ipv6, "1.2.3.4", false},
        {is_ipv6, "1.2.3.4::", false},
        {is_ipv6, "::g", false},
        {is_cidr, "172.20.0.0/16", true},
        {is_cidr, "172.20.0.5/16", true},
        {is_cidr, "0.0.0.0/0", true},
        {is_cidr, "fd00::/8", true},
        {is_cidr, "1.2.3.4/33", false},
        {is_cidr, "1.2.3.4/", false},
        {is_cidr, "1.2.3.4/08", false},
        {is_cidr, "::/129", false},
        {is_cidr, "1.2.3.4", false},
        {is_cidr, "/8", false},
        {is_address, ":8181", true},
        {is_address, "127.0.0.1:0", true},
        {is_address, "[::1]:80", true},
        {is_address, "[fe80::1%eth0]:80", true},
        {is_address, "localhost:65535", true},
        {is_address, "a_b.example.:1", true},
        {is_address, "::1:80", false},
        {is_address, "localhost", false},
        {is_address, "localhost:65536", false},
        {is_address, "localhost:http", false},
        {is_address, "-a:1", false},
        {is_address, "256.1.1.1:1", false},
        {is_address, "a b:1", false},
        {is_address, "[::1]", false},
        {is_address, "[::1%]:80", false},
        {is_url, "http://proxy:8080", true},
        {is_url, "https://u:p@[::1]:8/x?y#z", true},
        {is_url, "http://proxy", true},
        {is_url, "proxy:8080", false},
        {is_url, "http://", false},
        {is_url, "http://:80", false},
        {is_url, "http://http://proxy", false},
        {is_url, "http://a b", false},
        {is_url, "http://a:0", false},
        {is_url, "http://a\n", false},
        {is_url, "1http://a", false},
        {is_url, "://a", false},
    };
    for (const auto &[check, text, good] : cases) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(check(text) == good);
        }
    }
}

BOOST_AUTO_TEST_CASE(suggestions) {
    const std::string_view words[] = {"install", "uninstall", "list", "ls", "json"};
    struct Case {
        const char *word;
        const char *expected;
    };
    const Case cases[] = {
        {"instal", "install"},
        {"isntall", "install"},
        {"INSTALL", "install"},
        {"lsit", "list"},
        {"l", "ls"},
        {"x", ""},
        {"zzzz", ""},
        {"jsno", "json"},
        {"", ""},
        {"jso", "json"},
        {"nosj", ""},
    };
    for (const auto &[word, expected] : cases) {
        BOOST_TEST_CONTEXT(word) {
            BOOST_TEST(closest(word, words) == expected);
        }
    }
    BOOST_TEST(closest(std::string(1'000'000, 'a'), words).empty());
}
