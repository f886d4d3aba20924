// SPDX-License-Identifier: MIT
// The tables as a careless plugin would call them.
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstring>

#include <k2s/abi/draft/config.h>
#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/process.h>
#include <k2s/abi/progress.h>
#include <k2s/abi/stdio.h>
#include <k2s/sdk/host.hpp>

#include "services/test/redirect.hpp"
#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

constexpr k2s_str k_null_text{nullptr, 5};
constexpr k2s_str k_endless{"x", ~uint64_t{0}};

struct Careless : Fixture {
    std::unique_ptr<PluginScope> plugin = scope("p", {{"c", "1.0.0"}}, {{"c", "*"}});
    const k2s_host *host = plugin->host();
    k2s_handle handle = 77;
    k2s_error error = k2s::make_error();
    std::string text;
    k2s_sink sink = k2s::Host::string_sink(text);

    template <class Table> const Table *get(std::string_view id) {
        return table<Table>(*plugin, id);
    }
};

void nothing(void *) {}

} // namespace

BOOST_FIXTURE_TEST_SUITE(tables, Careless)

BOOST_AUTO_TEST_CASE(interfaces_are_found_by_id) {
    BOOST_TEST(host->struct_size == sizeof(k2s_host));
    BOOST_TEST(k2s::from_abi(host->version) == "2.0.0");
    for (const char *id :
         {K2S_LOG_ID, K2S_CONFIG_ID, K2S_EXECUTOR_ID, K2S_REGISTRY_ID, K2S_EVENTS_ID,
          K2S_METRICS_ID, K2S_PROCESS_ID, K2S_STDIO_ID, K2S_PROGRESS_ID}) {
        BOOST_TEST(host->get(host, str(id)) != nullptr, id);
        // The table's own size comes first.
        BOOST_TEST(*static_cast<const uint32_t *>(host->get(host, str(id))) > 8U, id);
    }
    BOOST_TEST(host->get(host, str("k2s.log/2")) == nullptr);
    BOOST_TEST(host->get(host, str("k2s.log")) == nullptr);
    BOOST_TEST(host->get(host, {}) == nullptr);
    BOOST_TEST(host->get(host, k_null_text) == nullptr);
    BOOST_TEST(host->get(host, k_endless) == nullptr);
    BOOST_TEST(host->get(nullptr, str(K2S_LOG_ID)) == nullptr);

    Services bare{Ports{}};
    const auto probe = bare.make_scope({"probe", {}, {}});
    BOOST_TEST(table<k2s_config>(*probe, K2S_CONFIG_ID) == nullptr);
    BOOST_TEST(table<k2s_process>(*probe, K2S_PROCESS_ID) == nullptr);
    BOOST_TEST(table<k2s_log>(*probe, K2S_LOG_ID) != nullptr);
}

BOOST_AUTO_TEST_CASE(log_) {
    const auto *log_table = get<k2s_log>(K2S_LOG_ID);
    BOOST_TEST(*log_table->threshold == K2S_LOG_DEBUG);
    BOOST_TEST(log_table->threshold == &threshold);
    k2s::Log(host, log_table).info("hello", {{"n", 1}});
    BOOST_TEST(logged("p: hello"));
    threshold = K2S_LOG_ERROR + 1;
    log_table->write(host, K2S_LOG_ERROR, str("quiet"), nullptr, 0, 0);
    BOOST_TEST(!logged("quiet"));
    threshold = K2S_LOG_DEBUG;
    log_table->write(nullptr, 0, str("no host"), nullptr, 0, 0);
    log_table->write(host, 0, k_null_text, nullptr, 0, 0);
    BOOST_TEST(logged("k2s.log/1 write: the message is NULL"));
    log_table->write(host, 0, str("kept"), nullptr, 3, sizeof(k2s_field));
    BOOST_TEST(logged("p: kept")); // without the fields
    BOOST_TEST(logged("stride is wrong"));
}

BOOST_AUTO_TEST_CASE(log_fields_of_a_later_minor) {
    struct Longer {
        k2s_field known;
        uint64_t later;
    };
    std::array<Longer, 2> fields{};
    fields[0].known = {str("a"), str("text"), 0, 0, K2S_FIELD_TEXT, 0};
    fields[1].known = {str("b"), k_null_text, 5, 0, K2S_FIELD_INT, 0};
    std::vector<std::string> seen;
    Ports given = ports();
    given.log = [&](int32_t, std::string_view, std::string_view, std::span<const k2s_field> list) {
        for (const k2s_field &field : list) {
            seen.push_back(std::string(k2s::from_abi(field.key))
                               .append("=")
                               .append(k2s::from_abi(field.text)));
        }
    };
    Services other{given};
    const auto writer = other.make_scope({"w", {}, {}});
    table<k2s_log>(*writer, K2S_LOG_ID)
        ->write(writer->host(), 0, str("m"), &fields[0].known, fields.size(), sizeof(Longer));
    BOOST_TEST(seen == (std::vector<std::string>{"a=text", "b="}));
}

BOOST_AUTO_TEST_CASE(config_) {
    const auto *config = get<k2s_config>(K2S_CONFIG_ID);
    BOOST_TEST(config->generation(host) == 7U);
    BOOST_TEST(config->generation(nullptr) == 0U);
    BOOST_TEST(config->read(host, str(""), &sink, nullptr) == K2S_OK);
    BOOST_TEST(text == "{\"of\":\"p\"}");
    BOOST_TEST(config->read(host, str("/missing"), &sink, &error) == K2S_E_NOT_FOUND);
    BOOST_TEST(std::string(error.message) == "p: no setting /missing");
    BOOST_TEST(std::string(error.domain) == K2S_CONFIG_ID);
    BOOST_TEST(config->read(host, str("no-slash"), &sink, &error) == K2S_E_USAGE);
    BOOST_TEST(config->read(host, k_null_text, &sink, nullptr) == K2S_E_USAGE);
    BOOST_TEST(config->read(host, str(""), nullptr, nullptr) == K2S_E_USAGE);
    k2s_sink broken = sink;
    broken.struct_size = 8;
    BOOST_TEST(config->read(host, str(""), &broken, nullptr) == K2S_E_USAGE);
    broken = {sizeof(k2s_sink), 0, nullptr, [](void *, k2s_bytes) -> int32_t { return K2S_E_IO; }};
    BOOST_TEST(config->read(host, str(""), &broken, nullptr) == K2S_E_IO);
    k2s_error small = k2s::make_error();
    small.struct_size = 8;
    small.message[0] = 'x';
    BOOST_TEST(config->read(host, str("/missing"), &sink, &small) == K2S_E_NOT_FOUND);
    BOOST_TEST(small.message[0] == 'x'); // not ours to write
}

BOOST_AUTO_TEST_CASE(executor_) {
    const auto *executor = get<k2s_executor>(K2S_EXECUTOR_ID);
    BOOST_TEST(executor->post(nullptr, nothing, nullptr) == K2S_E_USAGE);
    BOOST_TEST(executor->post(host, nullptr, nullptr) == K2S_E_USAGE);
    BOOST_TEST(executor->offload(host, nullptr, nullptr) == K2S_E_USAGE);
    BOOST_TEST(executor->timer(host, 0, 0, nullptr, nullptr, &handle) == K2S_E_USAGE);
    BOOST_TEST(executor->timer(host, 0, 0, nothing, nullptr, nullptr) == K2S_E_USAGE);
    BOOST_TEST(executor->timer(host, ~uint64_t{0}, ~uint64_t{0}, nothing, nullptr, &handle) ==
               K2S_OK);
    BOOST_TEST(executor->cancel(host, handle) == K2S_OK);
    BOOST_TEST(executor->cancel(host, handle) == K2S_E_NOT_FOUND);
    BOOST_TEST(executor->cancel(host, 0) == K2S_E_NOT_FOUND);
    BOOST_TEST(executor->join(host, handle, 0) == K2S_E_NOT_FOUND);
    BOOST_TEST(executor->lend(host, str(""), nothing, nothing, nullptr, &handle) == K2S_E_USAGE);
    BOOST_TEST(handle == 0U);
    BOOST_TEST(executor->lend(host, str("x"), nothing, nullptr, nullptr, &handle) == K2S_E_USAGE);
    BOOST_TEST(executor->lend(host, str(std::string(65, 'x')), nothing, nothing, nullptr,
                              &handle) == K2S_E_USAGE);
    BOOST_TEST(executor->lend(host, str("fine"), nothing, nothing, nullptr, &handle) == K2S_OK);
    BOOST_TEST(executor->join(host, handle, ~uint64_t{0}) == K2S_OK);
}

BOOST_AUTO_TEST_CASE(registry_) {
    const auto *registry = get<k2s_registry>(K2S_REGISTRY_ID);
    const StrandGuard guard(plugin->strand(), "create");
    const uint32_t no_size = 0;
    const uint32_t size = 16;
    k2s_contract value{};
    BOOST_TEST(registry->provide(host, str("c"), {nullptr, nullptr}, &handle, &error) ==
               K2S_E_USAGE);
    BOOST_TEST(registry->provide(host, str("c"), {&no_size, nullptr}, &handle, nullptr) ==
               K2S_E_USAGE);
    BOOST_TEST(registry->provide(host, k_endless, {&size, nullptr}, &handle, nullptr) ==
               K2S_E_USAGE);
    BOOST_TEST(registry->provide(host, str("d"), {&size, nullptr}, &handle, &error) ==
               K2S_E_CONFIG);
    BOOST_TEST(std::string(error.message).find("\"provides\"") != std::string::npos);
    BOOST_TEST(registry->provide(host, str("c"), {&size, &value}, &handle, nullptr) == K2S_OK);
    k2s_handle lease = 0;
    BOOST_TEST(registry->acquire(host, str("c"), nullptr, nullptr, &value, &lease, nullptr) ==
               K2S_E_USAGE);
    BOOST_TEST(registry->acquire(host, str("c"), nothing, nullptr, nullptr, &lease, nullptr) ==
               K2S_E_USAGE);
    BOOST_TEST(registry->acquire(host, str("c"), nothing, nullptr, &value, &lease, nullptr) ==
               K2S_OK);
    BOOST_TEST(value.table == &size);
    BOOST_TEST(registry->release(host, handle) == K2S_E_NOT_FOUND); // not a lease
    BOOST_TEST(registry->withdraw(host, lease) == K2S_E_NOT_FOUND); // not a contract
    BOOST_TEST(registry->withdraw(host, handle) == K2S_OK);         // its own lease as well
    BOOST_TEST(registry->release(host, lease) == K2S_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(events_) {
    const auto *events = get<k2s_events>(K2S_EVENTS_ID);
    const auto deliver = [](void *context, k2s_str topic, k2s_str json) {
        static_cast<Trace *>(context)->add(
            std::string(k2s::from_abi(topic)).append("=").append(k2s::from_abi(json)));
    };
    Trace seen;
    BOOST_TEST(events->subscribe(host, str("a"), nullptr, nullptr, &handle) == K2S_E_USAGE);
    BOOST_TEST(events->subscribe(host, str("A"), deliver, &seen, &handle) == K2S_E_USAGE);
    BOOST_TEST(events->subscribe(host, str("a"), deliver, &seen, nullptr) == K2S_E_USAGE);
    BOOST_TEST(events->subscribe(host, {}, deliver, &seen, &handle) == K2S_OK);
    BOOST_TEST(events->publish(host, str("a.b"), str("{}"), nullptr) == K2S_OK);
    BOOST_TEST(events->publish(host, str("a.b"), k_null_text, &error) == K2S_E_USAGE);
    BOOST_TEST(events->publish(host, str("a.b"), str("nope"), &error) == K2S_E_USAGE);
    BOOST_TEST(std::string(error.message) == "the notice \"a.b\" is not JSON");
    BOOST_TEST(seen.text(1) == "a.b={}");
    BOOST_TEST(services.metrics.text(false).find("k2s_events_dropped_total{plugin=\"p\"} 0") !=
               std::string::npos);
    BOOST_TEST(events->unsubscribe(host, handle) == K2S_OK);
    BOOST_TEST(events->unsubscribe(host, handle) == K2S_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(metrics_) {
    const auto *metrics = get<k2s_metrics>(K2S_METRICS_ID);
    const double bound = 1;
    const auto open = [&](uint32_t kind, k2s_str name, const double *bounds, uint64_t count) {
        return metrics->open(host, kind, name, {}, {}, bounds, count, &handle, &error);
    };
    BOOST_TEST(open(3, str("x"), nullptr, 0) == K2S_E_USAGE);
    BOOST_TEST(open(K2S_METRIC_COUNTER, k_null_text, nullptr, 0) == K2S_E_USAGE);
    BOOST_TEST(open(K2S_METRIC_HISTOGRAM, str("x"), nullptr, 1) == K2S_E_USAGE);
    BOOST_TEST(open(K2S_METRIC_HISTOGRAM, str("x"), &bound, ~uint64_t{0}) == K2S_E_USAGE);
    BOOST_TEST(handle == 0U);
    BOOST_TEST(open(K2S_METRIC_HISTOGRAM, str("x"), &bound, 1) == K2S_OK);
    metrics->observe(host, handle, 0.5);
    metrics->observe(nullptr, handle, 0.5);
    BOOST_TEST(services.metrics.text(false).find("k2s_x_count{plugin=\"p\"} 1\n") !=
               std::string::npos);
    BOOST_TEST(open(K2S_METRIC_COUNTER, str("y"), nullptr, 0) == K2S_OK);
    metrics->add(host, handle, 2);
    metrics->set(host, handle + (uint64_t{1} << 32), 9); // unknown
    BOOST_TEST(services.metrics.text(false).find("k2s_y{plugin=\"p\"} 2\n") != std::string::npos);
    plugin->release_all(1s);
    BOOST_TEST(open(K2S_METRIC_COUNTER, str("z"), nullptr, 0) == K2S_E_STATE);
}

BOOST_AUTO_TEST_CASE(process_) {
    const auto *process = get<k2s_process>(K2S_PROCESS_ID);
    std::array argv{str(k_absolute_program), str("argument")};
    k2s_process_spec spec{};
    spec.struct_size = sizeof(spec);
    spec.argv = argv.data();
    spec.argc = argv.size();
    spec.out = &sink;
    k2s_process_result result{};
    result.struct_size = sizeof(result);
    BOOST_TEST(process->run(host, &spec, &result, &error) == K2S_OK);
    BOOST_TEST(result.exit_code == 2); // what the fixture's runner answers
    BOOST_TEST(text == "output");
    spec.deadline_ms = 1;
    BOOST_TEST(process->run(host, &spec, &result, &error) == K2S_E_TIMEOUT);
    BOOST_TEST(result.timed_out == 1U);

    const auto refused = [&](auto change) {
        k2s_process_spec changed = spec;
        change(changed);
        return process->run(host, &changed, &result, nullptr) == K2S_E_USAGE;
    };
    const k2s_str relative = str("relative");
    const k2s_str with_nul = str(std::string_view("A=\0", 3));
    BOOST_TEST(process->run(host, nullptr, &result, nullptr) == K2S_E_USAGE);
    BOOST_TEST(process->run(host, &spec, nullptr, nullptr) == K2S_E_USAGE);
    BOOST_TEST(refused([](auto &s) { s.struct_size = 16; }));
    BOOST_TEST(refused([](auto &s) { s.argc = 0; }));
    BOOST_TEST(refused([](auto &s) { s.argv = nullptr; }));
    BOOST_TEST(refused([](auto &s) { s.argc = ~uint64_t{0}; }));
    BOOST_TEST(refused([&](auto &s) { s.argv = &relative, s.argc = 1; }));
    BOOST_TEST(refused([&](auto &s) { s.env = &with_nul, s.env_count = 1; }));
    BOOST_TEST(refused([](auto &s) { s.directory = k_null_text; }));
    BOOST_TEST(refused([](auto &s) { s.input = {nullptr, 4}; }));
    BOOST_TEST(refused([&](auto &s) {
        static const k2s_sink empty{};
        s.err = &empty;
    }));
}

BOOST_AUTO_TEST_CASE(stdio_) {
    const auto *stdio = get<k2s_stdio>(K2S_STDIO_ID);
    PipedInput input;
    input.write("abc");
    uint8_t buffer[2] = {};
    BOOST_TEST(stdio->read(host, nullptr, 4) == K2S_E_USAGE);
    BOOST_TEST(stdio->read(nullptr, buffer, 2) == K2S_E_USAGE);
    BOOST_TEST(stdio->read(host, buffer, 2) == 2);
    BOOST_TEST(stdio->columns(host, K2S_STREAM_IN) == 0U);
    BOOST_TEST(stdio->columns(host, 99) == 0U);
    set_variable("K2S_TEST_VARIABLE", "v");
    BOOST_TEST(stdio->environment(host, str("K2S_TEST_VARIABLE"), &sink) == K2S_OK);
    BOOST_TEST(text == "v");
    BOOST_TEST(stdio->environment(host, str("K2S_TEST_NOT_THERE"), &sink) == K2S_E_NOT_FOUND);
    BOOST_TEST(stdio->environment(host, str("A=B"), &sink) == K2S_E_USAGE);
    BOOST_TEST(stdio->environment(host, {}, &sink) == K2S_E_USAGE);
    BOOST_TEST(stdio->environment(host, str("PATH"), nullptr) == K2S_E_USAGE);
    BOOST_TEST(stdio->cancelled(host) == 0U);
    services.cancellation.request();
    BOOST_TEST(stdio->cancelled(host) == 1U);
    BOOST_TEST(stdio->cancelled(nullptr) == 0U);
    BOOST_TEST(stdio->read(host, buffer, 2) == K2S_E_CANCELLED);
}

BOOST_AUTO_TEST_CASE(progress_) {
    const auto *progress = get<k2s_progress>(K2S_PROGRESS_ID);
    BOOST_TEST(progress->begin(host, k_null_text, 1, 0, &handle) == K2S_E_USAGE);
    BOOST_TEST(progress->begin(host, str("x"), 1, 9, &handle) == K2S_E_USAGE);
    BOOST_TEST(progress->begin(host, str("x"), 1, K2S_UNIT_BYTES, &handle) == K2S_OK);
    progress->advance(host, handle, 1);
    progress->advance(nullptr, handle, 1);
    progress->advance(host, ~uint64_t{0}, 1);
    progress->end(host, handle);
    progress->end(host, handle);
}

BOOST_AUTO_TEST_CASE(a_plugin_that_misbehaves_does_not_fill_the_log) {
    const auto *executor = get<k2s_executor>(K2S_EXECUTOR_ID);
    for (int i = 0; i < 500; ++i) {
        executor->post(host, nullptr, nullptr);
    }
    BOOST_TEST(log.entries().size() == 100U);
    BOOST_TEST(log.entries().back().ends_with("(further ones are not logged)"));
}

BOOST_AUTO_TEST_SUITE_END()
