// SPDX-License-Identifier: MIT
// Formats and rules of signatures; the cryptography itself is in the tests of the installed tree.
#include <boost/test/unit_test.hpp>

#include "trust/signature.hpp"
#include "trust/verdicts.hpp"
#include "util/hex.hpp"

using namespace k2s::core;
using namespace k2s::core::trust;

namespace {

const std::string k_key(64, 'a');

TrustStore must_parse(const std::string &text) {
    auto store = parse_trust_store(text, "t");
    BOOST_REQUIRE_MESSAGE(store, (store ? "" : store.error().message));
    return *store;
}

void expect_refused(const std::string &text, const std::string &words) {
    const auto store = parse_trust_store(text, "t");
    BOOST_TEST_REQUIRE(!store, text);
    BOOST_TEST(store.error().code == K2S_E_CONFIG);
    BOOST_TEST(store.error().message.find(words) != std::string::npos, store.error().message);
}

} // namespace

BOOST_AUTO_TEST_CASE(stores) {
    const auto store =
        must_parse(R"({"trust": 1, "policy": "warn", "keys": [{"key": ")" + k_key +
                   R"(", "owner": "ACME", "prefixes": ["acme"], "expires": "2027-02-28"}],)" +
                   R"("revoked": [{"key": ")" + std::string(64, 'b') + R"(", "reason": "lost"}]})");
    BOOST_TEST((store.policy == Policy::warn));
    BOOST_TEST_REQUIRE(store.keys.size() == 1u);
    BOOST_TEST(store.find(store.keys[0].key)->owner == "ACME");
    BOOST_TEST(store.revocation(store.keys[0].key) == nullptr);
    BOOST_TEST(store.revocation(store.revoked[0].key)->reason == "lost");
    const auto again = must_parse(format_trust_store(store));
    BOOST_TEST(format_trust_store(again) == format_trust_store(store));

    const auto with = [](const std::string &member) {
        return R"({"trust": 1, "keys": [{"key": ")" + k_key +
               R"(", "owner": "x", "prefixes": ["a"])" + member + "}]}";
    };
    BOOST_TEST(must_parse(with("")).keys.size() == 1u);
    expect_refused("{}", "missing");
    expect_refused(R"({"trust": 2, "keys": []})", "/trust");
    expect_refused(R"({"trust": 1, "policy": "maybe", "keys": []})", "/policy");
    expect_refused(with(R"(, "expires": "2027-02-29")"), "expires");
    expect_refused(with(R"(, "expire": "2027-02-28")"), "expires");
    expect_refused(R"({"trust": 1, "keys": [{"key": "A", "owner": "x", "prefixes": []}]})", "64");
    expect_refused(R"({"trust": 1, "keys": [{"key": ")" + k_key +
                       R"(", "owner": "x", "prefixes": ["A b"]}]})",
                   "prefixes/0");
}

BOOST_AUTO_TEST_CASE(prefixes_end_at_a_word) {
    TrustedKey key;
    key.prefixes = {"acme", "lab-"};
    for (const auto *id : {"acme", "acme-dns", "lab-1"}) {
        BOOST_TEST(key.may_sign(id), id);
    }
    for (const auto *id : {"acmeevil", "acm", "lab", "storage", ""}) {
        BOOST_TEST(!key.may_sign(id), id);
    }
    key.prefixes = {"*"};
    BOOST_TEST(key.may_sign("storage"));
    key.prefixes = {};
    BOOST_TEST(!key.may_sign("storage"));
}

BOOST_AUTO_TEST_CASE(last_days) {
    BOOST_TEST(end_of_day("1970-01-01").value() == 86400);
    BOOST_TEST(end_of_day("2028-02-29").value() == 1835481600);
    for (const auto *text :
         {"", "2027-1-01", "2027-13-01", "2027-00-10", "2027-02-30", "1969-12-31", "2027/02/03",
          "2027-02-3x", "+027-02-03", "2027-02-033"}) {
        BOOST_TEST(!end_of_day(text), text);
    }
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_a_signature_is_noticed) {
    Signed made{};
    made.key.fill(0x5a);
    made.value.fill(0xa5);
    const auto text = format_signature(made);
    const auto whole = parse_signature(text, "s");
    BOOST_TEST_REQUIRE(whole.has_value());
    BOOST_TEST((whole->key == made.key && whole->value == made.value));
    for (std::size_t at = 0; at < text.size() * 8; ++at) {
        auto flipped = text;
        flipped[at / 8] = static_cast<char>(flipped[at / 8] ^ (1 << (at % 8)));
        const auto read = parse_signature(flipped, "s");
        if (read) {
            BOOST_TEST((read->key != made.key || read->value != made.value), flipped);
        } else {
            BOOST_TEST(read.error().code == K2S_E_PERMISSION);
        }
    }
    for (std::size_t size = 0; size + 1 < text.size(); ++size) { // the last one is a line end
        BOOST_TEST(!parse_signature(text.substr(0, size), "s"));
    }
}

BOOST_AUTO_TEST_CASE(hexadecimal_digits) {
    BOOST_TEST((from_hex<2>("00fe") == std::array<std::uint8_t, 2>{0, 0xfe}));
    for (const auto *text : {"", "00f", "00fe0", "00FE", "00g0", "0 fe"}) {
        BOOST_TEST(!from_hex<2>(text).has_value(), text);
    }
}

BOOST_AUTO_TEST_CASE(verdict_lines) {
    TrustVerdict verdict{
        "/a b/\tc", "0123", "A\nB", 7, {{"plugin.json", {1, 2, 3, 4, -5, 6}}, {".", {}}}};
    const auto text = format_verdicts({verdict, verdict});
    const auto read = parse_verdicts(text);
    BOOST_TEST_REQUIRE(read.size() == 2u);
    BOOST_TEST((read[0] == verdict && read[1] == verdict));
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto cut = parse_verdicts(text.substr(0, size));
        BOOST_TEST(cut.size() < 2u);
        BOOST_TEST((cut.empty() || cut[0] == verdict));
    }
    BOOST_TEST(parse_verdicts("k2s plugin trust 1\nx\ty\tz\t0\t\n").empty()); // about no file
}
