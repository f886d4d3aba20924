// SPDX-License-Identifier: MIT
#include <map>

#include <boost/test/unit_test.hpp>

#include "spec/dispatch.hpp"

namespace k2s::cni {
namespace {

const std::string k_config = R"({"cniVersion": "1.1.0", "name": "net", "type": "bridge"})";

struct Call {
    std::map<std::string, std::string, std::less<>> environment{{"CNI_COMMAND", "ADD"},
                                                                {"CNI_CONTAINERID", "pod-1"},
                                                                {"CNI_NETNS", "/run/netns/a"},
                                                                {"CNI_IFNAME", "eth0"},
                                                                {"CNI_PATH", "/opt/cni/bin"}};
    std::string input = k_config;
    bool read = false;
    std::vector<std::string> done;

    Shown run() {
        const Surroundings surroundings{[this](std::string_view name) {
                                            const auto found = environment.find(name);
                                            return found == environment.end() ? std::string()
                                                                              : found->second;
                                        },
                                        [this]() -> Result<std::string> {
                                            read = true;
                                            return input;
                                        }};
        Verbs verbs;
        verbs.about = "CNI test plugin";
        const auto verb = [this](const Request &request) -> Result<void> {
            done.push_back(request.command + " " + request.attachment());
            return {};
        };
        verbs.del = verbs.check = verbs.gc = verbs.status = verb;
        verbs.add = [&](const Request &request) -> Result<Json> {
            (void)verb(request);
            return Json{{"cniVersion", request.version}};
        };
        return dispatch(surroundings, verbs);
    }
    /// The code of the error object; 0 when the call succeeded.
    unsigned code() {
        const Shown shown = run();
        BOOST_TEST(shown.exit_code == (shown.output.find("\"code\"") == std::string::npos ? 0 : 1));
        if (shown.exit_code == 0) {
            return 0;
        }
        BOOST_TEST(done.empty());
        const Json json = Json::parse(shown.output);
        BOOST_TEST(!json.at("msg").get<std::string>().empty());
        BOOST_TEST(json.contains("cniVersion"));
        return json.at("code").get<unsigned>();
    }
};

unsigned code_with(std::string_view name, const std::string &value, const char *command = "ADD") {
    Call call;
    call.environment["CNI_COMMAND"] = command;
    call.environment[std::string(name)] = value;
    return call.code();
}

unsigned code_of(std::string input, const char *command = "ADD") {
    Call call;
    call.environment["CNI_COMMAND"] = command;
    call.input = std::move(input);
    return call.code();
}

} // namespace

BOOST_AUTO_TEST_SUITE(dispatching)

BOOST_AUTO_TEST_CASE(each_verb_reaches_its_function) {
    for (const char *verb : {"ADD", "DEL", "CHECK", "GC", "STATUS"}) {
        Call call;
        call.environment["CNI_COMMAND"] = verb;
        BOOST_TEST(call.run().exit_code == 0);
        BOOST_REQUIRE(call.done.size() == 1);
        BOOST_TEST(call.done.front() == std::string(verb) + " pod-1-eth0");
    }
}

BOOST_AUTO_TEST_CASE(version_needs_nothing) {
    Call call;
    call.environment = {{"CNI_COMMAND", "VERSION"}};
    const Shown shown = call.run();
    BOOST_TEST(shown.output ==
               "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\","
               "\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
    BOOST_TEST(!call.read);
}

BOOST_AUTO_TEST_CASE(without_a_command_it_introduces_itself) {
    Call call;
    call.environment.clear();
    const Shown shown = call.run();
    BOOST_TEST(shown.exit_code == 0);
    BOOST_TEST(shown.output.empty());
    BOOST_TEST(shown.error ==
               "CNI test plugin\nCNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, "
               "0.3.1, 0.4.0, 1.0.0, 1.1.0\n");
}

BOOST_AUTO_TEST_CASE(variables_are_checked) {
    BOOST_TEST(code_with("CNI_COMMAND", "add") == k_bad_environment);
    for (const char *name : {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"}) {
        BOOST_TEST(code_with(name, "") == k_bad_environment, name);
    }
    BOOST_TEST(code_with("CNI_NETNS", "", "DEL") == 0U);
    BOOST_TEST(code_with("CNI_CONTAINERID", "", "DEL") == k_bad_environment);
    BOOST_TEST(code_with("CNI_CONTAINERID", "", "GC") == 0U);
    for (const char *id : {"..", "a/b", "../../etc", "-a", "a b", "\xc3\xa4", ".a"}) {
        BOOST_TEST(code_with("CNI_CONTAINERID", id) == k_bad_environment, id);
    }
    for (const char *id : {"a", "A.b_c-d", "a..", "0"}) {
        BOOST_TEST(code_with("CNI_CONTAINERID", id) == 0U, id);
    }
    BOOST_TEST(code_with("CNI_CONTAINERID", std::string(201, 'a')) == k_bad_environment);
    BOOST_TEST(code_with("CNI_IFNAME", "fifteen_bytes_0") == 0U);
    for (const char *name : {"sixteen_bytes_00", "a/b", "a:b", "a b", ".", "..", "a\tb"}) {
        BOOST_TEST(code_with("CNI_IFNAME", name) == k_bad_environment, name);
    }
}

BOOST_AUTO_TEST_CASE(input_is_checked) {
    for (const char *text :
         {"", " ", "{", "[]", "null", "\"name\"", "{\"name\": \"n\",}", "{\"name\": \"\xff\"}"}) {
        BOOST_TEST(code_of(text) == k_decoding_failure, text);
    }
    BOOST_TEST(code_of("{\"name\": \"n\", \"x\": \"" + std::string(10 << 20, 'x') + "\"}") ==
               k_decoding_failure);
    const std::string deep(100'000, '[');
    BOOST_TEST(code_of("{\"name\": \"n\", \"x\": " + deep) == k_decoding_failure);
    BOOST_TEST(code_of(R"({"name": "n", "x": ")" + std::string(100, '[') + "\"}") == 0U);
    for (const char *text :
         {"{}", R"({"name": ""})", R"({"name": "../n"})", R"({"name": "a b"})", R"({"name": 5})"}) {
        BOOST_TEST(code_of(text) == k_bad_config, text);
    }
}

BOOST_AUTO_TEST_CASE(versions_are_checked) {
    const auto with = [](const std::string &version) {
        return R"({"name": "n", "cniVersion": ")" + version + "\"}";
    };
    for (const char *version : {"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
        BOOST_TEST(code_of(with(version)) == 0U, version);
    }
    for (const char *version : {"1.2.0", "2.0.0", "1.0", "x", "0.5.0"}) {
        BOOST_TEST(code_of(with(version)) == k_incompatible_version, version);
    }
    BOOST_TEST(code_of(R"({"name": "n"})") == 0U);
    BOOST_TEST(code_of(with("0.3.1"), "CHECK") == k_incompatible_version);
    BOOST_TEST(code_of(with("0.4.0"), "CHECK") == 0U);
    for (const char *verb : {"GC", "STATUS"}) {
        BOOST_TEST(code_of(with("1.0.0"), verb) == k_incompatible_version, verb);
        BOOST_TEST(code_of(with("1.1.0"), verb) == 0U, verb);
    }
}

BOOST_AUTO_TEST_CASE(args_are_pairs) {
    BOOST_TEST(read_args("IP=10.0.0.1", {"IP"}).value().at("IP") == "10.0.0.1");
    BOOST_TEST(read_args("", {"IP"}).value().empty());
    BOOST_TEST(read_args("IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.0.0.1", {"IP"}).value().at("IP") ==
               "10.0.0.1");
    for (const char *args : {"IP", "IP=1=2", "K8S_POD_NAME=p", "IgnoreUnknown=0;A=b"}) {
        BOOST_TEST(!read_args(args, {"IP"}).has_value(), args);
    }
}

BOOST_AUTO_TEST_CASE(valid_attachments_are_all_or_none) {
    const auto read = [](const char *list) {
        return valid_attachments(Json{{"cni.dev/valid-attachments", Json::parse(list)}});
    };
    BOOST_TEST(read(R"([{"containerID": "a", "ifname": "eth0"}])").value().size() == 1U);
    BOOST_TEST(valid_attachments(Json::object()).value().empty());
    BOOST_TEST(!read(R"([{"containerID": "a"}])").has_value());
    BOOST_TEST(!read(R"([5])").has_value());
    BOOST_TEST(!read(R"("all")").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::cni
