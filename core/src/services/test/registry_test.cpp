// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

#include "services/executor.hpp"
#include "services/registry.hpp"
#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

struct Table {
    uint32_t struct_size = sizeof(Table);
};

struct Parties {
    Executor executor;
    Registry registry;
    Table table;
    k2s_contract value{&table, this};

    ContractParty party(std::string id, std::vector<DeclaredContract> provides,
                        std::vector<DeclaredContract> required) {
        return {executor.make_strand(std::move(id)), std::move(provides), std::move(required)};
    }
    ContractParty provider = party("provider", {{"example.greeter", "1.2.0"}}, {});
    ContractParty user = party("user", {}, {{"example.greeter", ">=1.0.0 <2.0.0"}});
};

int32_t code_of(const auto &result) {
    return result ? K2S_OK : result.error().code;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(registry, Parties)

BOOST_AUTO_TEST_CASE(leases_what_fits) {
    BOOST_TEST(code_of(registry.acquire(user, "example.greeter", [] {})) == K2S_E_NOT_FOUND);
    const auto provided = registry.provide(provider, "example.greeter", value);
    BOOST_TEST_REQUIRE(provided.has_value());
    const auto lease = registry.acquire(user, "example.greeter", [] {});
    BOOST_TEST_REQUIRE(lease.has_value());
    BOOST_TEST(lease->value.table == &table);
    BOOST_TEST(lease->value.self == this);

    const auto state = registry.state();
    BOOST_TEST_REQUIRE(state.size() == 1U);
    BOOST_TEST(state[0].provider == "provider");
    BOOST_TEST(state[0].version == "1.2.0");
    BOOST_TEST(state[0].lessees == std::vector<std::string>{"user"});

    BOOST_TEST(registry.release(provider, lease->handle) == K2S_E_NOT_FOUND); // not its own
    BOOST_TEST(registry.release(user, lease->handle) == K2S_OK);
    BOOST_TEST(registry.release(user, lease->handle) == K2S_E_NOT_FOUND);
    BOOST_TEST(code_of(registry.withdraw(provider, *provided, after(1s))) == K2S_OK);
    BOOST_TEST(registry.state().empty());
}

BOOST_AUTO_TEST_CASE(manifests_bind) {
    BOOST_TEST(code_of(registry.provide(user, "example.greeter", value)) == K2S_E_CONFIG);
    BOOST_TEST(code_of(registry.provide(provider, "example.other", value)) == K2S_E_CONFIG);
    BOOST_TEST(code_of(registry.acquire(provider, "example.greeter", [] {})) == K2S_E_CONFIG);
    BOOST_TEST(registry.state().empty());
}

BOOST_AUTO_TEST_CASE(one_provider_per_contract) {
    const auto second = party("second", {{"example.greeter", "1.3.0"}}, {});
    BOOST_TEST_REQUIRE(registry.provide(provider, "example.greeter", value).has_value());
    const auto refused = registry.provide(second, "example.greeter", value);
    BOOST_TEST(code_of(refused) == K2S_E_EXISTS);
    BOOST_TEST(refused.error().message.find("\"provider\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(versions_out_of_range_are_named) {
    const auto old = party("old", {}, {{"example.greeter", "<1.0.0"}});
    BOOST_TEST_REQUIRE(registry.provide(provider, "example.greeter", value).has_value());
    const auto refused = registry.acquire(old, "example.greeter", [] {});
    BOOST_TEST(code_of(refused) == K2S_E_NOT_FOUND);
    BOOST_TEST(refused.error().message == "plugin \"old\" needs contract \"example.greeter\" "
                                          "<1.0.0, but plugin \"provider\" provides 1.2.0");
}

BOOST_AUTO_TEST_CASE(withdraw_revokes_youngest_first_on_the_lessees_strand) {
    const auto other = party("other", {}, {{"example.greeter", "*"}});
    Trace trace;
    const auto provided = registry.provide(provider, "example.greeter", value);
    const auto lease = [&](const ContractParty &who, std::string name) {
        return registry.acquire(who, "example.greeter", [&, name] {
            trace.add(name + (who.strand->is_current() ? "" : "(off its strand)"));
            // No new lease while the contract goes away.
            BOOST_TEST(code_of(registry.acquire(who, "example.greeter", [] {})) == K2S_E_NOT_FOUND);
        });
    };
    BOOST_TEST_REQUIRE(lease(user, "first").has_value());
    BOOST_TEST_REQUIRE(lease(other, "second").has_value());
    const auto given_back = lease(other, "given-back");
    BOOST_TEST_REQUIRE(lease(user, "third").has_value());
    registry.release(other, given_back->handle);

    BOOST_TEST(code_of(registry.withdraw(user, *provided, after(1s))) == K2S_E_NOT_FOUND);
    BOOST_TEST(code_of(registry.withdraw(provider, *provided, after(1s))) == K2S_OK);
    BOOST_TEST(trace.text() == "third second first");
    BOOST_TEST(registry.handles_of(*user.strand).empty());
    BOOST_TEST(registry.handles_of(*other.strand).empty());
}

BOOST_AUTO_TEST_CASE(a_lessee_may_release_while_it_is_revoked) {
    k2s_handle handle = 0;
    int32_t status = 1;
    const auto provided = registry.provide(provider, "example.greeter", value);
    handle =
        registry.acquire(user, "example.greeter", [&] { status = registry.release(user, handle); })
            ->handle;
    BOOST_TEST(code_of(registry.withdraw(provider, *provided, after(1s))) == K2S_OK);
    BOOST_TEST(status == K2S_OK);
}

BOOST_AUTO_TEST_CASE(a_busy_lessee_is_named_and_withdraw_can_be_repeated) {
    std::atomic<int> revoked{0};
    const auto provided = registry.provide(provider, "example.greeter", value);
    BOOST_TEST_REQUIRE(registry.acquire(user, "example.greeter", [&] { ++revoked; }).has_value());
    Latch entered;
    Latch leave;
    std::thread busy([&] {
        const StrandGuard guard(*user.strand, "run");
        entered.open();
        leave.wait();
    });
    BOOST_TEST_REQUIRE(entered.wait());
    const auto failed = registry.withdraw(provider, *provided, after(20ms));
    BOOST_TEST(code_of(failed) == K2S_E_TIMEOUT);
    BOOST_TEST(failed.error().message.starts_with("contract \"example.greeter\" is still leased by "
                                                  "plugin \"user\", which is busy with \"run\""));
    BOOST_TEST(revoked == 0);
    leave.open();
    BOOST_TEST(code_of(registry.withdraw(provider, *provided, after(5s))) == K2S_OK);
    BOOST_TEST(revoked == 1);
    busy.join();
}

BOOST_AUTO_TEST_CASE(nothing_for_a_plugin_that_is_being_destroyed) {
    BOOST_TEST_REQUIRE(registry.provide(provider, "example.greeter", value).has_value());
    user.strand->close();
    BOOST_TEST(code_of(registry.acquire(user, "example.greeter", [] {})) == K2S_E_STATE);
}

BOOST_AUTO_TEST_SUITE_END()
