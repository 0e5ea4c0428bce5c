package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HTTP/1.1 as in RFC 9112, both sides of it, as far as the contract asks for it. net/http is not used: its server
// answers malformed requests in its own way, and its transport sends requests again and adds headers to them, all of
// which the contract rules out.

const (
	headLimit   = 64 * 1024
	headerLimit = 100
	bodyLimit   = 1024 * 1024
	dateFormat  = "Mon, 02 Jan 2006 15:04:05 GMT"
)

// longAgo is a deadline that ends whatever waits on a connection.
var longAgo = time.Unix(1, 0)

// A refusal says why a message is not taken. A request is answered with its status, and its connection closed.
type refusal struct {
	status statusCode
	reason string
}

func (r *refusal) Error() string { return r.reason }

func malformed(reason string) error { return &refusal{400, reason} }

type field struct{ name, value string }

// A header is what stands between the first line of a message and its body, in its order.
type header []field

// first is nil when there is no field of that name, which must be given in lower case.
func (h header) first(name string) *string {
	for i := range h {
		if h[i].is(name) {
			return &h[i].value
		}
	}
	return nil
}

func (f field) is(name string) bool { return strings.ToLower(f.name) == name }

func (h header) values(name string) []string {
	var values []string
	for _, field := range h {
		if field.is(name) {
			values = append(values, field.value)
		}
	}
	return values
}

// hasToken is about lists such as that of `connection`.
func (h header) hasToken(name, token string) bool {
	for _, each := range strings.Split(strings.Join(h.values(name), ","), ",") {
		if strings.EqualFold(strings.Trim(each, " \t"), token) {
			return true
		}
	}
	return false
}

// joined is the header as C7 shows it.
func (h header) joined() map[string]string {
	all := map[string]string{}
	for _, field := range h {
		name := strings.ToLower(field.name)
		if before, repeated := all[name]; repeated {
			all[name] = before + ", " + field.value
		} else {
			all[name] = field.value
		}
	}
	return all
}

// formatHead returns the head of a message, its empty line included.
func formatHead(firstLine string, fields header) []byte {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s\r\n", firstLine)
	for _, field := range fields {
		fmt.Fprintf(&head, "%s: %s\r\n", field.name, field.value)
	}
	head.WriteString("\r\n")
	return head.Bytes()
}

// readHead returns the first line of a message and its header.
func readHead(r *bufio.Reader) (string, header, error) {
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if len(head) == headLimit {
			return "", nil, &refusal{431, fmt.Sprintf("the head is larger than %d bytes", headLimit)}
		}
		b, err := r.ReadByte()
		if err != nil {
			return "", nil, err
		}
		if b == '\n' && !bytes.HasSuffix(head, []byte("\r")) {
			return "", nil, malformed("a line of the head does not end with CR LF")
		}
		head = append(head, b)
	}
	firstLine, rest, _ := strings.Cut(strings.TrimSuffix(string(head), "\r\n\r\n"), "\r\n")
	fields, err := parseHeader(rest)
	return firstLine, fields, err
}

func parseHeader(text string) (header, error) {
	if text == "" {
		return nil, nil
	}
	lines := strings.Split(text, "\r\n")
	if len(lines) > headerLimit {
		return nil, &refusal{431, fmt.Sprintf("there are more than %d headers", headerLimit)}
	}
	fields := make(header, len(lines))
	for i, line := range lines {
		name, value, found := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !found || !isToken(name) || !isFieldValue(value) {
			return nil, malformed("a header is malformed")
		}
		fields[i] = field{name, value}
	}
	return fields, nil
}

// A framing is how the end of a body is known: after length bytes, or by its chunks, or, when it is neither stated nor
// chunked, by the kind of message (RFC 9112, 6.3).
type framing struct {
	length          uint64
	stated, chunked bool
}

func (h header) framing() (framing, error) {
	codings, lengths := h.values("transfer-encoding"), h.values("content-length")
	if len(codings) > 0 {
		if len(codings) > 1 || !strings.EqualFold(codings[0], "chunked") || len(lengths) > 0 {
			return framing{}, malformed("the transfer-encoding is not plainly chunked")
		}
		return framing{chunked: true}, nil
	}
	if len(lengths) == 0 {
		return framing{}, nil
	}
	slices.Sort(lengths)
	length, isNumber := parseDigits(lengths[0], 10)
	if len(slices.Compact(lengths)) > 1 || !isNumber {
		return framing{}, malformed("the content-length is malformed")
	}
	return framing{length: length, stated: true}, nil
}

// checkSize is asked before a byte is read of what would be too much.
func checkSize(size uint64) error {
	if size > bodyLimit {
		return &refusal{413, fmt.Sprintf("the body is larger than %d bytes", bodyLimit)}
	}
	return nil
}

func readBody(r *bufio.Reader, f framing) ([]byte, error) {
	if f.chunked {
		return readChunks(r)
	}
	if err := checkSize(f.length); err != nil {
		return nil, err
	}
	body := make([]byte, f.length)
	_, err := io.ReadFull(r, body)
	return body, err
}

func readChunks(r *bufio.Reader) ([]byte, error) {
	var body []byte
	for {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		text, _, _ := strings.Cut(line, ";")
		size, isNumber := parseDigits(strings.TrimRight(text, " \t"), 16)
		if !isNumber {
			return nil, malformed("a chunk has no valid length")
		}
		if size == 0 {
			return body, skipTrailers(r)
		}
		if err := checkSize(min(size, bodyLimit+1) + uint64(len(body))); err != nil {
			return nil, err
		}
		start := len(body)
		body = append(body, make([]byte, size+2)...)
		if _, err := io.ReadFull(r, body[start:]); err != nil {
			return nil, err
		}
		if !bytes.HasSuffix(body, []byte("\r\n")) {
			return nil, malformed("a chunk is longer than its length")
		}
		body = body[:len(body)-2]
	}
}

func skipTrailers(r *bufio.Reader) error {
	for range headerLimit + 1 {
		if line, err := readLine(r); err != nil || line == "" {
			return err
		}
	}
	return malformed("there are too many trailers")
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return "", malformed("a line of the body is too long")
	}
	if err != nil {
		return "", err
	}
	text, ended := strings.CutSuffix(string(line), "\r\n")
	if !ended {
		return "", malformed("a line of the body does not end with CR LF")
	}
	return text, nil
}

// parseDigits takes no sign and no empty text. A number beyond uint64 is as large as that gets.
func parseDigits(text string, base int) (number uint64, ok bool) {
	number, err := strconv.ParseUint(text, base, 64)
	return number, err == nil || errors.Is(err, strconv.ErrRange)
}

// splitTarget takes a target in absolute form apart; otherwise all of it is the path (RFC 9112, 3.2).
func splitTarget(target string) (authority, path string) {
	_, rest, absolute := strings.Cut(target, "://")
	if !absolute || strings.HasPrefix(target, "/") {
		return "", target
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		return rest, "/"
	}
	return rest[:end], "/" + strings.TrimPrefix(rest[end:], "/")
}

// isToken is about methods and names of headers (RFC 9110, 5.6.2).
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		isAlphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !isAlphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// isFieldValue refuses control characters (RFC 9110, 5.5).
func isFieldValue(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
