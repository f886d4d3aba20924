// SPDX-License-Identifier: MIT
#include "tree.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace k2s::zap {
namespace {

// Each level of what is being worked on keeps a directory open. Threads, queue and depth together
// stay below the 1024 open files that a process may have.
constexpr uint32_t k_max_depth = 24;
constexpr uint32_t k_queued_per_thread = 2;
constexpr uint32_t k_max_measured_depth = 400;
constexpr size_t k_max_reasons = 8;
constexpr uint32_t k_rounds = 32; ///< how often a folder is read again that others still fill

/// A directory that is being removed. It goes when nothing below it is pending.
struct Node {
    Node *parent = nullptr;
    Name name;
    Dir dir;
    std::atomic<uint32_t> pending{1}; ///< its own scan and its subdirectories
    std::atomic<bool> failed{false};  ///< something below could not be removed
    uint32_t depth = 0;
    uint32_t rounds = 0;
    uint64_t moved_up = 0; ///< top only: seen by the last round
};

class Remover {
  public:
    Remover(const Dir &parent, const TreeOptions &options) : parent_{parent}, options_{options} {}

    TreeReport run(const Name &name) {
        auto *top = new Node;
        top->name = name;
        top_ = top;
        queue_.push_back(top);
        std::vector<std::thread> threads;
        for (uint32_t i = 1; i < options_.threads; ++i) {
            threads.emplace_back([this] { work(); });
        }
        work();
        for (auto &thread : threads) {
            thread.join();
        }
        report_.files = files_;
        report_.directories = directories_;
        report_.cancelled = cancelled_;
        return std::move(report_);
    }

  private:
    void work() {
        std::unique_lock lock{mutex_};
        for (;;) {
            changed_.wait(lock, [this] { return done_ || !queue_.empty(); });
            if (queue_.empty()) {
                return;
            }
            // The newest first: the deeper one is nearer to being finished.
            Node *node = queue_.back();
            queue_.pop_back();
            lock.unlock();
            scan(*node);
            finish(node);
            lock.lock();
        }
    }

    bool enqueue(Node *node) {
        const std::scoped_lock lock{mutex_};
        if (queue_.size() >= size_t{k_queued_per_thread} * options_.threads) {
            return false;
        }
        queue_.push_back(node);
        changed_.notify_one();
        return true;
    }

    const Dir &parent_of(const Node &node) const noexcept {
        return node.parent != nullptr ? node.parent->dir : parent_;
    }

    void fail(Node &node, const Name &name, const std::error_code &why) {
        node.failed = true;
        const std::scoped_lock lock{mutex_};
        if (report_.failures++ < k_max_reasons) {
            fs::path path{name};
            for (const Node *at = &node; at != nullptr; at = at->parent) {
                path = fs::path{at->name} / path;
            }
            report_.reasons.push_back(fmt::format("'{}': {}", text_of(path), why.message()));
        }
    }

    void count(std::atomic<uint64_t> &counter) {
        ++counter;
        if (const uint64_t items = ++items_; items % 1024 == 0 && options_.progress) {
            options_.progress(items);
        }
    }

    bool cancelled() {
        if (!cancelled_ && options_.cancelled && options_.cancelled()) {
            cancelled_ = true;
        }
        return cancelled_;
    }

    /// Removes what is in the node, all but the directories that it queues.
    void scan(Node &node) {
        std::error_code failed;
        node.dir = parent_of(node).open_child(node.name, failed);
        if (failed) {
            if (failed == std::errc::not_a_directory) {
                return; // it was replaced meanwhile; finish() removes what is there now
            }
            if (failed != std::errc::no_such_file_or_directory) {
                fail(node, {}, failed);
            }
            return;
        }
        std::vector<Entry> batch;
        while (!cancelled() && node.dir.list(batch, false, failed)) {
            for (const Entry &entry : batch) {
                if (entry.directory) {
                    descend(node, entry.name);
                } else {
                    remove_file(node, entry.name);
                }
            }
        }
        if (cancelled_) {
            node.failed = true;
        } else if (failed) {
            fail(node, {}, failed);
        }
    }

    void remove_file(Node &node, const Name &name) {
        std::error_code failed = node.dir.remove(name, false);
        if (failed == std::errc::is_a_directory) {
            return; // replaced meanwhile: the next round finds it
        }
        if (!failed) {
            count(files_);
        } else if (failed != std::errc::no_such_file_or_directory) {
            fail(node, name, failed);
        }
    }

    void descend(Node &node, const Name &name) {
        if (node.depth + 1 >= k_max_depth) {
            // Hung up below the top, where the next round finds it: so no depth is too deep.
            std::error_code failed;
            do {
                const auto as = fs::path(fmt::format(".zap-deep-{:x}", moved_up_++)).native();
                failed = node.dir.move(name, top_->dir, as);
            } while (failed == std::errc::file_exists); // of an earlier run that was killed
            if (!failed || failed == std::errc::no_such_file_or_directory) {
                return;
            }
            fail(node, name, failed);
            return;
        }
        auto *child = new Node;
        child->parent = &node;
        child->name = name;
        child->depth = node.depth + 1;
        ++node.pending;
        if (!enqueue(child)) {
            scan(*child);
            finish(child);
        }
    }

    /// The node's scan has ended: removes it and those above it that only waited for it.
    void finish(Node *node) {
        while (node != nullptr && node->pending.fetch_sub(1) == 1) {
            node->dir.close();
            if (!node->failed) {
                std::error_code failed = parent_of(*node).remove(node->name, true);
                if (failed == std::errc::not_a_directory) {
                    failed = parent_of(*node).remove(node->name, false);
                }
                if (failed == std::errc::directory_not_empty && again(*node)) {
                    node->pending = 1;
                    scan(*node);
                    continue;
                }
                if (!failed) {
                    count(directories_);
                } else if (failed != std::errc::no_such_file_or_directory) {
                    fail(*node, {}, failed);
                }
            }
            Node *const above = node->parent;
            if (above != nullptr && node->failed) {
                above->failed = true;
            }
            delete node;
            if (above == nullptr) {
                const std::scoped_lock lock{mutex_};
                done_ = true;
                changed_.notify_all();
            }
            node = above;
        }
    }

    /// Something came into the folder after it was read: folders that were hung up there, or files
    /// of somebody who still writes. The latter gives up at some time.
    bool again(Node &node) {
        if (&node == top_ && node.moved_up != moved_up_) {
            node.moved_up = moved_up_;
            return true;
        }
        return ++node.rounds < k_rounds;
    }

    const Dir &parent_;
    const TreeOptions &options_;
    Node *top_ = nullptr;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Node *> queue_;
    bool done_ = false;
    TreeReport report_;
    std::atomic<uint64_t> files_{0};
    std::atomic<uint64_t> directories_{0};
    std::atomic<uint64_t> items_{0};
    std::atomic<uint64_t> moved_up_{0};
    std::atomic<bool> cancelled_{false};
};

void measure(const Dir &parent, const Name &name, uint32_t depth, const TreeOptions &options,
             TreeReport &report) {
    if (depth >= k_max_measured_depth) {
        report.at_least = true;
        return;
    }
    std::error_code failed;
    Dir dir = parent.open_child(name, failed);
    if (failed) {
        // What is mounted below is not ours to count; the rest is told.
        if (failed != std::errc::device_or_resource_busy && failed != std::errc::not_a_directory &&
            report.failures++ < k_max_reasons) {
            report.reasons.push_back(fmt::format("'{}': {}", text_of(name), failed.message()));
        }
        return;
    }
    ++report.directories;
    auto batch = std::make_unique<std::vector<Entry>>();
    while (dir.list(*batch, true, failed)) {
        if (report.cancelled || (options.cancelled && options.cancelled())) {
            report.cancelled = true;
            return;
        }
        for (const Entry &entry : *batch) {
            report.bytes += entry.bytes;
            if (entry.directory) {
                measure(dir, entry.name, depth + 1, options, report);
            } else {
                ++report.files;
            }
        }
        if (options.progress) {
            options.progress(report.files + report.directories);
        }
    }
    if (failed && report.failures++ < k_max_reasons) {
        report.reasons.push_back(fmt::format("'{}': {}", text_of(name), failed.message()));
    }
}

} // namespace

TreeReport remove_tree(const Dir &parent, const Name &name, const TreeOptions &options) {
    return Remover{parent, options}.run(name);
}

TreeReport measure_tree(const Dir &parent, const Name &name, const TreeOptions &options) {
    TreeReport report;
    measure(parent, name, 0, options, report);
    return report;
}

} // namespace k2s::zap
