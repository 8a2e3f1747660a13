// SPDX-License-Identifier: Apache-2.0
#include "support/oracle_answer.h"

#include <algorithm>
#include <ctime>

namespace lazymirror::testing {
namespace {

const char* reason_of(std::uint64_t status) {
  switch (status) {
    case 200: return "OK";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 416: return "Range Not Satisfiable";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

std::string head_of(std::uint64_t status, const std::string& fields, const std::string& extra) {
  return "HTTP/1.1 " + std::to_string(status) + ' ' + reason_of(status) +
         "\r\nServer: oracle\r\nDate: " + http_date(std::time(nullptr)) + "\r\n" + fields +
         (extra.empty() ? "" : extra + "\r\n") + "\r\n";
}

Answer status_answer(std::uint64_t status, const std::string& fields,
                     const std::string& extra = {}) {
  Answer answer;
  answer.text = "<html><body><h1>" + std::to_string(status) + ' ' + reason_of(status) +
                "</h1></body></html>\n";
  answer.head = head_of(status,
                        fields + "Content-Type: text/html\r\nContent-Length: " +
                            std::to_string(answer.text.size()) + "\r\n",
                        extra);
  return answer;
}

std::string etag_of(const std::string& path, const OracleFile& file) {
  // The first byte of the content stands for the path; the rest is plain.
  const auto sign = std::to_integer<unsigned>(oracle_byte(path, 0, 0));
  return '"' + std::to_string(sign) + '-' + std::to_string(file.version) + '-' +
         std::to_string(file.size) + '"';
}

std::string validators_of(const std::string& path, const OracleFile& file) {
  std::string fields;
  if (file.etag) fields += "ETag: " + etag_of(path, file) + "\r\n";
  if (file.last_modified) fields += "Last-Modified: " + http_date(file.mtime) + "\r\n";
  return fields;
}

// RFC 9110 section 13.1.5: a Range counts only if If-Range matches strongly.
bool if_range_holds(const RequestHead& request, const std::string& path, const OracleFile& file) {
  const std::string condition = request.header("If-Range");
  if (condition.empty()) return true;
  if (file.etag && condition == etag_of(path, file)) return true;
  return file.last_modified && condition == http_date(file.mtime);
}

std::string content_range(ByteSpan span, std::uint64_t total) {
  return "Content-Range: bytes " + std::to_string(span.begin) + '-' + std::to_string(span.end - 1) +
         '/' + std::to_string(total) + "\r\n";
}

// How a file's answer departs from the truth.
struct Disguise {
  bool ignore_range = false, gzip = false, chunked = false;
  std::uint64_t shift = 0, total_off = 0;
  bool other_version = false;
};

Disguise disguise_of(const FaultRule& rule) {
  Disguise d;
  d.ignore_range = rule.fault == Fault::ignore_range || rule.fault == Fault::no_length;
  d.chunked = rule.fault == Fault::no_length;
  d.gzip = rule.fault == Fault::gzip;
  d.other_version = rule.fault == Fault::changed_validator;
  if (rule.fault == Fault::wrong_content_range) d.shift = rule.value;
  if (rule.fault == Fault::wrong_total) d.total_off = rule.value;
  return d;
}

// `shift` bytes too early, or, where the file begins, as much too late.
ByteSpan shifted(ByteSpan span, std::uint64_t shift, std::uint64_t size) {
  if (shift == 0) return span;
  if (span.begin > 0) {
    const std::uint64_t by = std::min(shift, span.begin);
    return {span.begin - by, span.end - by};
  }
  const std::uint64_t by = std::min(shift, size - 1);
  return {by, std::max(by + 1, std::min(size, span.end + by))};
}

Answer file_answer(const RequestHead& request, OracleFile file, const OracleSettings& settings,
                   const FaultRule& rule) {
  const Disguise disguise = disguise_of(rule);
  if (disguise.other_version) {
    ++file.version;
    file.mtime += 3600;
  }
  RangeVerdict verdict = RangeVerdict::whole;
  ByteSpan span{0, file.size};
  // RFC 9110 section 14.2: Range has no meaning with other methods than GET.
  // What a changed file does with If-Range is the fault's to say: it lies.
  if (request.method == "GET" && settings.ranges && !disguise.ignore_range &&
      (disguise.other_version || if_range_holds(request, request.path, file))) {
    verdict = parse_range(request.header("Range"), file.size, span);
  }
  std::string fields = "Content-Type: application/octet-stream\r\n";
  fields += validators_of(request.path, file);
  if (settings.ranges) fields += "Accept-Ranges: bytes\r\n";
  if (verdict == RangeVerdict::unsatisfiable) {
    return status_answer(416,
                         fields + "Content-Range: bytes */" + std::to_string(file.size) + "\r\n",
                         rule.extra_header);
  }
  Answer answer;
  const bool part = verdict == RangeVerdict::part;
  if (part) {
    span = shifted(span, disguise.shift, file.size);
    fields += content_range(span, file.size + disguise.total_off);
  }
  answer.path = request.path;
  answer.version = file.version;
  answer.span = span;
  answer.chunked = disguise.chunked;
  if (disguise.gzip) {
    fields += "Content-Encoding: gzip\r\n";
    answer.magic = std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  }
  fields += disguise.chunked ? "Transfer-Encoding: chunked\r\n"
                             : "Content-Length: " + std::to_string(span.size()) + "\r\n";
  answer.head = head_of(part ? 206 : 200, fields, rule.extra_header);
  return answer;
}

Answer directory_answer(const RequestHead& request, const OracleTree& tree,
                        const OracleSettings& settings, const FaultRule& rule) {
  if (!request.path.ends_with('/')) {
    return status_answer(
        301, "Location: http://" + request.header("Host") + encode_path(request.path) + "/\r\n");
  }
  Answer answer;
  answer.text = tree.listing(request.path, settings.listing);
  std::string fields = "Content-Type: text/html\r\n";
  if (rule.fault == Fault::gzip) fields += "Content-Encoding: gzip\r\n";
  answer.chunked = rule.fault == Fault::no_length;
  fields += answer.chunked ? "Transfer-Encoding: chunked\r\n"
                           : "Content-Length: " + std::to_string(answer.text.size()) + "\r\n";
  answer.head = head_of(200, fields, rule.extra_header);
  return answer;
}

Answer honest_answer(const RequestHead& request, const OracleTree& tree,
                     const OracleSettings& settings, const FaultRule& rule) {
  if (!settings.authorization.empty() &&
      request.header("Authorization") != settings.authorization) {
    return status_answer(401, "WWW-Authenticate: Basic realm=\"oracle\"\r\n");
  }
  if (request.method != "GET" && request.method != "HEAD")
    return status_answer(405, "Allow: GET, HEAD\r\n");
  if (const OracleFile* file = tree.file(request.path)) {
    return file_answer(request, *file, settings, rule);
  }
  if (tree.has_directory(request.path)) return directory_answer(request, tree, settings, rule);
  return status_answer(404, "");
}

Answer bare(Answer::After after, std::string head = {}) {
  Answer answer;
  answer.after = after;
  answer.head = std::move(head);
  return answer;
}

}  // namespace

Answer plan_answer(const RequestHead& request, const OracleTree& tree,
                   const OracleSettings& settings, const FaultRule& rule) {
  using After = Answer::After;
  switch (rule.fault) {
    case Fault::status: return status_answer(rule.value, "", rule.extra_header);
    case Fault::redirect:
      return status_answer(302, "Location: " + rule.text + "\r\n", rule.extra_header);
    case Fault::raw: return bare(After::close, rule.text);
    case Fault::reset: return bare(After::reset);
    default: break;
  }
  Answer answer = honest_answer(request, tree, settings, rule);
  switch (rule.fault) {
    case Fault::short_body: answer.after = After::close; break;
    case Fault::reset_in_body: answer.after = After::reset; break;
    case Fault::stall_in_body: answer.after = After::stall; break;
    default: return answer;
  }
  answer.cut = std::min(rule.value, answer.body_size());
  return answer;
}

}  // namespace lazymirror::testing
