// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE isolation
#include <boost/test/included/unit_test.hpp>

#include <atomic>
#include <thread>

#include "isolation/channel.hpp"
#include "isolation/connection.hpp"
#include "isolation/frame_buffer.hpp"
#include "isolation/inbound.hpp"

using namespace k2s::core;
using namespace k2s::core::isolation;
using namespace std::chrono_literals;

namespace {

Channel::Pair make() {
    auto pair = Channel::make();
    BOOST_REQUIRE(pair);
    return std::move(*pair);
}

void fill(FrameBuffer &buffer, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto room = buffer.room();
        const auto size = std::min(room.size, bytes.size());
        std::memcpy(room.data, bytes.data(), size);
        buffer.filled(size);
        bytes.remove_prefix(size);
    }
}

std::string header(uint32_t size, uint16_t kind, uint16_t reserved = 0, uint32_t id = 1) {
    const FrameHeader made{size, kind, reserved, id};
    return {reinterpret_cast<const char *>(&made), sizeof made};
}

bool nothing_comes(Connection &, const Frame &) {
    return false;
}

} // namespace

BOOST_AUTO_TEST_CASE(bodies) {
    const auto body =
        Packer().put<int32_t>(-7).put("text").put(0.5).put<uint8_t>(1).put(std::string()).take();
    Unpacker in(body);
    BOOST_TEST(in.get<int32_t>() == -7);
    BOOST_TEST(in.text() == "text");
    BOOST_TEST(in.get<double>() == 0.5);
    BOOST_TEST(in.get<uint8_t>() == 1);
    BOOST_TEST(!in.complete());
    BOOST_TEST(in.text() == "");
    BOOST_TEST(in.complete());
    BOOST_TEST(in.get<uint64_t>() == 0U); // beyond the end
    BOOST_TEST(!in.good());
    // A length that promises more than there is, and every cut of a good body.
    Unpacker lies(std::string_view("\xff\xff\xff\xff text", 9));
    BOOST_TEST(lies.text() == "");
    BOOST_TEST(!lies.good());
    for (std::size_t size = 0; size < body.size(); ++size) {
        Unpacker cut(std::string_view(body).substr(0, size));
        cut.get<int32_t>();
        cut.text();
        cut.get<double>();
        cut.get<uint8_t>();
        cut.text();
        BOOST_TEST(!cut.complete());
    }
}

BOOST_AUTO_TEST_CASE(frames_are_cut_from_bytes) {
    const std::string two = header(3, 1, 0, 7) + "abc" + header(0, 2, 0, 8);
    for (const std::size_t step : {1U, 2U, 5U, 12U, 100U}) {
        FrameBuffer buffer;
        std::vector<Frame> frames;
        for (std::size_t at = 0; at < two.size(); at += step) {
            fill(buffer, std::string_view(two).substr(at, step));
            for (Frame frame; buffer.next(frame);) {
                frames.push_back(frame);
            }
        }
        BOOST_TEST_REQUIRE(frames.size() == 2U);
        BOOST_TEST(frames[0].body == "abc");
        BOOST_TEST(frames[0].id == 7U);
        BOOST_TEST((frames[1].kind == Kind::create));
    }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_frames) {
    for (const auto &bytes :
         {header(k_max_body + 1, 1), header(1, 999), header(1, 1, 1), std::string(12, '\xff')}) {
        FrameBuffer buffer;
        Frame frame;
        fill(buffer, bytes);
        BOOST_TEST(!buffer.next(frame));
        BOOST_TEST(buffer.broken());
    }
    FrameBuffer buffer;
    Frame frame;
    fill(buffer, header(k_max_body, 1)); // the largest is fine, once it is there
    BOOST_TEST(!buffer.next(frame));
    BOOST_TEST(!buffer.broken());
}

BOOST_AUTO_TEST_CASE(a_line_carries_frames_of_any_size) {
    auto [here, there] = make();
    std::jthread writer([&there] {
        for (const std::size_t size : {0U, 1U, 65536U, k_max_body}) {
            there->send(Kind::run, static_cast<uint32_t>(size), std::string(size, 'x'));
        }
    });
    for (const std::size_t size : {0U, 1U, 65536U, k_max_body}) {
        Frame frame;
        BOOST_TEST_REQUIRE(here->receive(frame));
        BOOST_TEST(frame.id == size);
        BOOST_TEST(frame.body.size() == size);
    }
    writer.join();
    there.reset();
    Frame frame;
    BOOST_TEST(!here->receive(frame));
    BOOST_TEST(!here->send(Kind::run, 1, "nobody"));
}

BOOST_AUTO_TEST_CASE(an_offer_does_not_wait) {
    auto [here, there] = make();
    const std::string notice(k_piece, 'n');
    unsigned taken = 0;
    while (taken < 10'000 && here->offer(Kind::notice, 0, notice)) {
        ++taken;
    }
    BOOST_TEST(taken > 0U);
    BOOST_TEST(taken < 10'000U);

    // What was taken arrives whole, and the line lives on.
    unsigned whole = 0;
    std::jthread reader([&there, &notice, &whole] {
        Frame frame;
        while (there->receive(frame) && frame.kind == Kind::notice && frame.body == notice) {
            ++whole;
        }
        there->send(Kind::reply, frame.id, "end");
    });
    BOOST_TEST(here->send(Kind::run, 7, {}));
    Frame end;
    BOOST_TEST_REQUIRE(here->receive(end));
    BOOST_TEST(end.id == 7U);
    BOOST_TEST(whole == taken);
}

BOOST_AUTO_TEST_CASE(an_offer_is_not_lost_to_another_that_sends) {
    constexpr unsigned k_each = 50; // all of them fit without a reader
    unsigned lost = 0;
    for (unsigned round = 0; round < 200; ++round) {
        auto [here, there] = make();
        std::atomic<bool> begun{false};
        std::jthread sender([&here, &begun] {
            begun = true;
            for (unsigned n = 0; n < k_each; ++n) {
                here->send(Kind::run, n, "asked");
            }
        });
        while (!begun) {
        }
        for (unsigned n = 0; n < k_each; ++n) {
            lost += here->offer(Kind::notice, n, "told") ? 0 : 1;
        }
    }
    BOOST_TEST(lost == 0U);
}

BOOST_AUTO_TEST_CASE(calls_are_answered) {
    auto [here, there] = make();
    std::jthread worker([&there] {
        Frame frame;
        while (there->receive(frame)) {
            if (frame.kind == Kind::run) { // asks back first
                there->send(Kind::output, frame.id, "piece");
                Frame answer;
                there->receive(answer);
                frame.body = answer.body;
            }
            there->send(Kind::reply, frame.id,
                        Packer().put<int32_t>(5).put("why").put(frame.body).take());
        }
    });
    {
        Connection connection(std::move(here), nothing_comes, [] {});
        const auto plain = connection.call(Kind::start, "settings", {.deadline = 20s});
        BOOST_TEST_REQUIRE(plain.has_value());
        BOOST_TEST(plain->status == 5);
        BOOST_TEST(plain->message == "why");
        BOOST_TEST(plain->data == "settings");
        const auto served = connection.call(
            Kind::run, {}, {.serve = [](const Frame &frame) { return frame.body + " taken"; }});
        BOOST_TEST_REQUIRE(served.has_value());
        BOOST_TEST(served->data == "piece taken");
        const auto large = connection.call(Kind::start, std::string(k_max_body + 1, 'x'), {});
        BOOST_TEST_REQUIRE(!large.has_value());
        BOOST_TEST(large.error().code == K2S_E_NO_MEMORY);
        BOOST_TEST(connection.open());
    }
}

BOOST_AUTO_TEST_CASE(a_call_without_an_answer) {
    auto [here, there] = make();
    std::atomic<bool> ended{false};
    Connection connection(std::move(here), nothing_comes, [&] { ended = true; });
    const auto late = connection.call(Kind::status, {}, {.deadline = 50ms});
    BOOST_TEST_REQUIRE(!late.has_value());
    BOOST_TEST(late.error().code == K2S_E_TIMEOUT);

    std::jthread end([&there] {
        std::this_thread::sleep_for(50ms);
        there.reset();
    });
    const auto broken = connection.call(Kind::status, {}, {});
    BOOST_TEST_REQUIRE(!broken.has_value());
    BOOST_TEST(broken.error().code == K2S_E_IO);
    BOOST_TEST(!connection.call(Kind::status, {}, {}).has_value());
    connection.finish();
    BOOST_TEST(ended);
    BOOST_TEST(connection.nonsense() == "");
}

BOOST_AUTO_TEST_CASE(a_worker_hears_once_that_it_is_to_stop) {
    auto [here, there] = make();
    std::atomic<int> told{0};
    std::jthread worker([&] {
        for (Frame frame; there->receive(frame);) {
            told += frame.kind == Kind::cancel ? 1 : 0;
        }
    });
    Connection connection(std::move(here), nothing_comes, [] {});
    const auto late =
        connection.call(Kind::step, {}, {.cancelled = [] { return true; }, .grace = 300ms});
    BOOST_TEST(late.error().code == K2S_E_TIMEOUT);
    connection.finish();
    worker.join();
    BOOST_TEST(told == 1);
}

BOOST_AUTO_TEST_CASE(a_worker_that_talks_nonsense) {
    struct Case {
        Kind kind;
        uint32_t id;
        std::size_t size;
    };
    // An answer to nothing, a call to the host, output of no call, a record that is too long.
    for (const Case &one : {Case{Kind::reply, 99, 0},
                            {Kind::run, 1, 0},
                            {Kind::output, 5, 3},
                            {Kind::log, 0, k_max_unasked + 1}}) {
        auto [here, there] = make();
        Connection connection(
            std::move(here),
            [](Connection &, const Frame &frame) { return frame.kind == Kind::log; }, [] {});
        there->send(one.kind, one.id, std::string(one.size, 'x'));
        Frame frame;
        BOOST_TEST(!there->receive(frame)); // the host closed the line
        BOOST_TEST(!connection.nonsense().empty());
    }
}

BOOST_AUTO_TEST_CASE(more_than_allowed_is_counted) {
    Rate rate(3);
    unsigned taken = 0;
    for (int n = 0; n < 10; ++n) {
        taken += rate.take() ? 1 : 0;
    }
    BOOST_TEST(taken >= 3U);
    BOOST_TEST(taken < 10U);
    BOOST_TEST(rate.refused() == 0U); // told when the second is over
    std::this_thread::sleep_for(1100ms);
    BOOST_TEST(rate.take());
    BOOST_TEST(rate.refused() == 10U - taken);
    BOOST_TEST(rate.refused() == 0U);
}
