// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>

#include "dataplane/observer.hpp"
#include "eventually.hpp"

namespace k2s::dataplane::test {

inline bool contains(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

/// What a proxy reported, as text, one line each: message, key=value. Any thread.
class RecordedText {
  public:
    void add(std::string_view message, std::initializer_list<LogField> fields = {}) {
        const std::lock_guard lock(mutex_);
        text_ += message;
        for (const LogField &field : fields) {
            text_ += ' ';
            text_ += field.key;
            text_ += '=';
            text_ += field.value;
        }
        text_ += '\n';
    }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }
    /// Waits until the text contains `what`.
    bool saw(const std::string &what) const {
        return eventually([&] { return contains(text(), what); });
    }

  private:
    mutable std::mutex mutex_;
    std::string text_;
};

} // namespace k2s::dataplane::test
