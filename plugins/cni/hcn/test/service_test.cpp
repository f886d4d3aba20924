// SPDX-License-Identifier: MIT
// Each call of HCN that bridge makes: done, refused, answered with rubbish, never answered.
#include "hcn/test/double.hpp"

namespace k2s::cni::hcn {
namespace {

constexpr const char *k_network = "11111111-2222-3333-4444-555555555555";
constexpr const char *k_endpoint = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
constexpr const char *k_space = "99999999-8888-7777-6666-555555555555";

GUID guid(const char *text) {
    return *parse_guid(text);
}

struct World : Double {
    World() {
        put("network", k_network, "cbr0");
        put("endpoint", k_endpoint, "pod_cbr0",
            std::string(R"(,"HostComputeNetwork":")") + k_network + "\"");
        put("namespace", k_space, "");
    }
    static Service service(int deadline_ms = 20'000) {
        return std::move(
            Service::open({library_folder(), std::chrono::milliseconds(deadline_ms)}).value());
    }
};

template <class T> Result<void> done(const Result<T> &result) {
    return result ? Result<void>() : Result<void>(std::unexpected(result.error()));
}

/// Who calls what, and what it is told.
struct Call {
    const char *function;
    Result<void> (*act)(const Service &);
    const char *argument; // what has to be among the recorded ones
    bool answers;         // it gives a text back
};

const Call k_calls[]{
    {"HcnEnumerateNetworks",
     [](const Service &service) { return done(service.find(Kinds::network, "cbr0")); },
     R"({"Filter":"{\"Name\":\"cbr0\"}","SchemaVersion":{"Major":2,"Minor":0}})", true},
    {"HcnOpenNetwork",
     [](const Service &service) { return done(service.find(Kinds::network, "cbr0")); },
     "{11111111-2222-3333-4444-555555555555}", false},
    {"HcnQueryNetworkProperties",
     [](const Service &service) { return done(service.find(Kinds::network, "cbr0")); },
     R"({"SchemaVersion":{"Major":2,"Minor":0}})", true},
    {"HcnCreateNetwork",
     [](const Service &service) {
         return done(service.create_network(guid(k_space), Json{{"Name", "new"}}));
     },
     R"({"Name":"new"})", false},
    {"HcnDeleteNetwork",
     [](const Service &service) { return done(service.remove(Kinds::network, guid(k_network))); },
     "{11111111-2222-3333-4444-555555555555}", false},
    {"HcnEnumerateEndpoints",
     [](const Service &service) {
         return done(service.list(Kinds::endpoint, Json{{"HostComputeNetwork", k_network}}));
     },
     R"(\"HostComputeNetwork\":\"11111111-2222-3333-4444-555555555555\")", true},
    {"HcnOpenEndpoint",
     [](const Service &service) {
         return done(service.modify(Kinds::endpoint, guid(k_endpoint), Json::object()));
     },
     "{AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE}", false},
    {"HcnQueryEndpointProperties",
     [](const Service &service) { return done(service.find(Kinds::endpoint, "pod_cbr0")); },
     R"({"SchemaVersion":{"Major":2,"Minor":0}})", true},
    {"HcnCreateEndpoint",
     [](const Service &service) {
         return done(service.create_endpoint(guid(k_network), guid(k_space), Json{{"Name", "e"}}));
     },
     R"({"Name":"e"})", false},
    {"HcnModifyEndpoint",
     [](const Service &service) {
         return done(service.modify(Kinds::endpoint, guid(k_endpoint), Json{{"a", "b"}}));
     },
     R"({"a":"b"})", false},
    {"HcnDeleteEndpoint",
     [](const Service &service) { return done(service.remove(Kinds::endpoint, guid(k_endpoint))); },
     "{AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE}", false},
    {"HcnOpenNamespace",
     [](const Service &service) {
         return done(service.modify(Kinds::name_space, guid(k_space), Json::object()));
     },
     "{99999999-8888-7777-6666-555555555555}", false},
    {"HcnModifyNamespace",
     [](const Service &service) {
         return done(service.modify(Kinds::name_space, guid(k_space), Json{{"x", 1}}));
     },
     R"({"x":1})", false},
};

} // namespace

BOOST_AUTO_TEST_CASE(each_call_gets_its_arguments) {
    for (const auto &call : k_calls) {
        BOOST_TEST_CONTEXT(call.function) {
            const World world;
            BOOST_TEST(call.act(World::service()).has_value());
            BOOST_TEST(world.called(std::string(call.function) + " "));
            BOOST_TEST(world.called(call.argument));
        }
    }
}

BOOST_AUTO_TEST_CASE(each_refusal_names_the_call) {
    for (const auto &call : k_calls) {
        BOOST_TEST_CONTEXT(call.function) {
            const World world;
            Double::fault(std::string(call.function) + " fail 80004005");
            const auto done = call.act(World::service());
            BOOST_REQUIRE(!done);
            BOOST_TEST(done.error().code == k_internal);
            BOOST_TEST(done.error().message ==
                       std::string(call.function) + " failed: 0x80004005: the double refuses");
            Double::fault(std::string(call.function) + " record");
            const auto recorded = call.act(World::service());
            BOOST_REQUIRE(!recorded);
            BOOST_TEST(recorded.error().details == "not even JSON");
        }
    }
}

BOOST_AUTO_TEST_CASE(rubbish_is_refused) {
    for (const auto &call : k_calls) {
        BOOST_TEST_CONTEXT(call.function) {
            const World world;
            for (const char *how : {" garbage", " null"}) {
                if (call.answers || (std::string(how) == " null" &&
                                     std::string(call.function).starts_with("HcnOpen"))) {
                    Double::fault(std::string(call.function) + how);
                    const auto done = call.act(World::service());
                    BOOST_REQUIRE(!done);
                    BOOST_TEST(done.error().message.find(call.function) == 0);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_hangs_is_left_behind) {
    for (const auto &call : k_calls) {
        BOOST_TEST_CONTEXT(call.function) {
            const World world;
            Double::fault(std::string(call.function) + " hang");
            constexpr int soon = 200;
            const auto done = call.act(World::service(soon));
            BOOST_REQUIRE(!done);
            BOOST_TEST(done.error().code == k_try_later);
            BOOST_TEST(done.error().message.find(call.function) == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_no_failure) {
    const Double empty;
    const Service service = World::service();
    BOOST_TEST(!service.find(Kinds::network, "cbr0").value().has_value());
    BOOST_TEST(!service.find(Kinds::endpoint, "x").value().has_value());
    BOOST_TEST(!service.remove(Kinds::endpoint, guid(k_endpoint)).value());
    BOOST_TEST(!service.remove(Kinds::network, guid(k_network)).value());
    BOOST_TEST(!service.modify(Kinds::name_space, guid(k_space), Json::object()).value());
    BOOST_TEST(!service.create_endpoint(guid(k_network), guid(k_space), Json::object()));
}

BOOST_AUTO_TEST_CASE(a_taken_name_is_told_apart) {
    const Double empty;
    Double::fault("HcnCreateNetwork fail 803b0010");
    BOOST_TEST(!World::service().create_network(guid(k_network), Json::object()).value());
    Double::fault("HcnCreateNetwork fail 800706ba");
    const auto stopped = World::service().create_network(guid(k_network), Json::object());
    BOOST_TEST(stopped.error().code == k_try_later);
}

BOOST_AUTO_TEST_CASE(every_handle_is_closed) {
    const World world;
    const Service service = World::service();
    BOOST_TEST(service.find(Kinds::endpoint, "pod_cbr0").value().has_value());
    BOOST_TEST(
        service.create_endpoint(guid(k_network), new_guid(), Json{{"Name", "e"}}).has_value());
    Double::fault("HcnQueryNetworkProperties fail 80004005");
    BOOST_TEST(!service.find(Kinds::network, "cbr0"));
    const auto count = [&](const char *what) {
        std::size_t found = 0;
        const auto calls = world.calls();
        for (auto at = calls.find(what); at != std::string::npos; at = calls.find(what, at + 1)) {
            ++found;
        }
        return found;
    };
    BOOST_TEST(count("HcnOpen") + count("Opened") == count("HcnClose"));
}

BOOST_AUTO_TEST_CASE(the_version_of_the_service) {
    const Double empty;
    BOOST_TEST((World::service().version().value() == Version{15, 4}));
    for (const char *said : {"fail", "none"}) {
        set_variable("K2S_HNS_VERSION", said);
        BOOST_TEST(!World::service().version());
    }
    set_variable("K2S_HNS_VERSION", "hang");
    BOOST_TEST(World::service(200).version().error().code == k_try_later);
}

BOOST_AUTO_TEST_CASE(a_windows_without_containers) {
    const Double empty;
    const auto opened = Service::open({empty.root.string(), std::chrono::seconds(1)});
    BOOST_REQUIRE(!opened);
    BOOST_TEST(opened.error().message.find("computenetwork.dll") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(ids_as_text) {
    BOOST_TEST(text_of(guid("{AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE}")) == k_endpoint);
    BOOST_TEST((parse_guid(k_space) == parse_guid("{99999999-8888-7777-6666-555555555555}")));
    BOOST_TEST((new_guid() != new_guid()));
    BOOST_TEST(text_of(new_guid()).size() == 36);
    for (const char *bad :
         {"", "x", "11111111-2222-3333-4444-55555555555", "{}",
          "11111111x2222-3333-4444-555555555555", "g1111111-2222-3333-4444-555555555555",
          "{11111111-2222-3333-4444-555555555555"}) {
        BOOST_TEST(!parse_guid(bad));
    }
}

} // namespace k2s::cni::hcn
