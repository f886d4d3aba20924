// SPDX-License-Identifier: MIT
#include "resolver.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include <boost/asio/post.hpp>

#include "common/text.hpp"

namespace k2s::dataplane {
namespace {

// Several resolvers may end one after the other.
constexpr auto k_patience = std::chrono::milliseconds(100);

std::vector<Address> alternate(const std::vector<Address> &found) {
    std::vector<Address> v6;
    std::vector<Address> v4;
    for (const Address &address : found) {
        auto &family = address.is_v6() ? v6 : v4;
        if (std::find(family.begin(), family.end(), address) == family.end()) {
            family.push_back(address);
        }
    }
    std::vector<Address> out;
    for (size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
        if (i < v6.size()) {
            out.push_back(v6[i]);
        }
        if (i < v4.size()) {
            out.push_back(v4[i]);
        }
    }
    return out;
}

// Runs on a thread of its own.
Resolution ask_system(const std::string &host) {
    Resolution answer;
    net::io_context unused; // the synchronous resolver only needs an execution context to live in
    net::ip::basic_resolver<Tcp, Executor> resolver(unused);
    const auto results =
        resolver.resolve(host, "", net::ip::resolver_base::numeric_service, answer.ec);
    std::vector<Address> found;
    for (const auto &entry : results) {
        found.push_back(unmapped(entry.endpoint().address()));
    }
    answer.addresses = std::move(found);
    return answer;
}

} // namespace

std::expected<HostTable, Error>
read_hosts(const std::map<std::string, std::vector<std::string>> &texts) {
    HostTable table;
    for (const auto &[name, addresses] : texts) {
        auto &out = table[to_lower(name)];
        for (const std::string &text : addresses) {
            const auto address = parse_address(text);
            if (!address) {
                return std::unexpected(Error{K2S_E_CONFIG, "hosts: \"" + text + "\" (for " + name +
                                                               ") is no IP address"});
            }
            out.push_back(*address);
        }
    }
    return table;
}

// What the threads use; one that does not end keeps it beyond the resolver's end.
struct Resolver::Threads {
    Threads(Resolver &resolver, Source names)
        : source(std::move(names)), executor(resolver.io_.get_executor()), owner(&resolver) {}

    const Source source;
    const Executor executor; // only while there is an owner
    std::mutex mutex;        ///< the rest
    std::condition_variable work;
    std::condition_variable ended;
    Resolver *owner; // null once it is gone
    std::deque<std::string> queue;
    std::vector<std::thread> threads;
    size_t idle = 0; // those that wait, also when they have been woken already
    size_t alive = 0;

    // False: not even one thread can be had.
    static bool add(const std::shared_ptr<Threads> &self, const std::string &host) {
        const std::lock_guard held(self->mutex);
        self->queue.push_back(host);
        if (self->queue.size() > self->idle && self->threads.size() < k_max_threads) {
            try {
                self->threads.emplace_back([self] { run(self); });
                ++self->alive;
            } catch (const std::system_error &) {
                if (self->threads.empty()) {
                    self->queue.pop_back();
                    return false;
                }
            }
        }
        self->work.notify_one();
        return true;
    }

    // True when it had not begun.
    bool withdraw(const std::string &host) {
        const std::lock_guard held(mutex);
        return std::erase(queue, host) != 0;
    }

    static void run(const std::shared_ptr<Threads> &self) {
        std::unique_lock held(self->mutex);
        for (;;) {
            ++self->idle;
            self->work.wait(held, [&] { return self->owner == nullptr || !self->queue.empty(); });
            --self->idle;
            if (self->owner == nullptr) {
                break;
            }
            const std::string host = std::move(self->queue.front());
            self->queue.pop_front();
            held.unlock();
            Resolution found = self->find(host);
            held.lock();
            if (self->owner != nullptr) {
                net::post(self->executor, [self, host, found = std::move(found)] {
                    if (Resolver *const resolver = self->resolver()) {
                        resolver->finish(host, found);
                    }
                });
            }
        }
        --self->alive;
        self->ended.notify_all();
    }

    Resolution find(const std::string &host) const {
        Resolution found;
        try {
            found = source(host);
            found.addresses = alternate(found.addresses);
        } catch (const std::exception &) {
            found.addresses.clear();
            found.ec = net::error::no_memory;
        }
        return found;
    }

    // To be used where the io_context runs: there it does not go away meanwhile.
    Resolver *resolver() {
        const std::lock_guard held(mutex);
        return owner;
    }

    void close() {
        bool over = false;
        {
            std::unique_lock held(mutex);
            owner = nullptr;
            queue.clear();
            work.notify_all();
            over = ended.wait_for(held, k_patience, [this] { return alive == 0; });
        }
        for (std::thread &thread : threads) {
            // A thread keeps this object, and a plugin's code stays mapped.
            over ? thread.join() : thread.detach();
        }
    }
};

// Belongs, as those who wait for it, to where the io_context runs.
struct Resolver::Lookup {
    std::vector<Timer *> waiting; // cancelled when the answer is there
    Resolution answer;
    bool finished = false;
};

struct Resolver::Waiter {
    Waiter(net::io_context &io, std::shared_ptr<Lookup> of) : lookup(std::move(of)), done(io) {
        done.expires_at(Clock::time_point::max());
        lookup->waiting.push_back(&done);
    }
    ~Waiter() { std::erase(lookup->waiting, &done); }
    Waiter(const Waiter &) = delete;
    Waiter &operator=(const Waiter &) = delete;

    bool alone() const noexcept { return lookup->waiting.size() == 1; }

    const std::shared_ptr<Lookup> lookup;
    Timer done;
};

Resolver::Resolver(net::io_context &io) : Resolver(io, ask_system, Keep{}) {}

Resolver::Resolver(net::io_context &io, Source source, Keep keep)
    : io_(io), keep_(keep), threads_(std::make_shared<Threads>(*this, std::move(source))) {}

Resolver::~Resolver() {
    threads_->close();
}

// The one that is under way, or a new one; null when there are too many.
std::shared_ptr<Resolver::Lookup> Resolver::look_up(const std::string &host) {
    if (const auto found = lookups_.find(host); found != lookups_.end()) {
        return found->second;
    }
    if (lookups_.size() >= k_max_pending) {
        return nullptr;
    }
    const auto added = lookups_.emplace(host, std::make_shared<Lookup>()).first;
    if (!Threads::add(threads_, host)) {
        lookups_.erase(added);
        return nullptr;
    }
    return added->second;
}

void Resolver::finish(const std::string &host, const Resolution &found) {
    remember(host, found);
    const auto entry = lookups_.extract(host);
    Lookup &lookup = *entry.mapped();
    lookup.answer = found;
    lookup.finished = true;
    for (Timer *each : lookup.waiting) {
        each->cancel();
    }
}

void Resolver::remember(const std::string &host, const Resolution &answer) {
    if (cache_.size() >= k_max_cached) {
        const auto now = Clock::now();
        std::erase_if(cache_, [now](const auto &item) { return item.second.until <= now; });
        if (cache_.size() >= k_max_cached) {
            cache_.clear();
        }
    }
    const auto until = Clock::now() + (answer.ec ? keep_.failure : keep_.answer);
    cache_.insert_or_assign(host, Cached{answer, until});
}

void Resolver::forget(const std::string &host) {
    cache_.erase(to_lower(host));
}

Task<Resolution> Resolver::resolve(const std::string &given, Watchdog &watchdog) {
    Resolution answer;
    if (const auto literal = parse_address(given)) {
        answer.addresses.push_back(unmapped(*literal));
        co_return answer;
    }
    const std::string host = to_lower(given);
    if (const auto fixed = hosts_.find(host); fixed != hosts_.end()) {
        answer.addresses = fixed->second;
        co_return answer;
    }
    if (const auto cached = cache_.find(host);
        cached != cache_.end() && cached->second.until > Clock::now()) {
        co_return cached->second.answer;
    }
    if (watchdog.cut()) {
        answer.ec = net::error::operation_aborted;
        co_return answer;
    }
    const std::shared_ptr<Lookup> lookup = look_up(host);
    if (!lookup) {
        answer.ec = net::error::try_again;
        co_return answer;
    }
    const std::shared_ptr<Threads> threads = threads_;
    Waiter waiter(io_, lookup);
    {
        const Scoped<Timer> waiting(watchdog.waiting, &waiter.done);
        const auto [ec] = co_await waiter.done.async_wait(k_await);
        static_cast<void>(ec); // always operation_aborted: by the answer or by the watchdog
    }
    if (lookup->finished) {
        co_return lookup->answer;
    }
    // One that has begun stays listed, so that whoever asks next joins it.
    if (waiter.alone() && threads->withdraw(host)) {
        lookups_.erase(host);
    }
    answer.ec = net::error::operation_aborted;
    co_return answer;
}

} // namespace k2s::dataplane
