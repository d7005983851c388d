package wire

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest is what a signature covers, before it is written in the form that both sides hash:
//
//	METHOD \n PATH \n QUERY \n name:value \n ... \n \n names;of;signed;headers \n HEX SHA-256 OF THE BODY
//
// Source: "Create a signed AWS API request", IAM User Guide, and the published test suites.
type canonicalRequest struct {
	method  string
	path    string       // as canonicalPath makes it
	query   []queryParam // sorted; without X-Amz-Signature
	header  http.Header
	host    string   // net/http keeps it outside the header map
	length  int64    // Content-Length, likewise; negative when unknown
	signed  []string // lower case, sorted
	payload string   // hex SHA-256 of the body
}

// canonical is the canonical request of r, with its signature left out.
func (s *signature) canonical(r *http.Request, payload string) canonicalRequest {
	return canonicalRequest{
		method:  r.Method,
		path:    canonicalPath(rawPath(r.URL)),
		query:   s.unsignedQuery(),
		header:  r.Header,
		host:    r.Host,
		length:  r.ContentLength,
		signed:  s.signed,
		payload: payload,
	}
}

func (s *signature) unsignedQuery() []queryParam {
	if !s.presigned {
		return s.query
	}
	return slices.DeleteFunc(slices.Clone(s.query), func(p queryParam) bool { return p.name == "X-Amz-Signature" })
}

// rawPath is the path as it was sent. EscapedPath alone isn't: it escapes what the client should have.
func rawPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// append writes the canonical request after b.
func (c canonicalRequest) append(b []byte) []byte {
	b = append(b, c.method...)
	b = append(b, '\n')
	b = append(b, c.path...)
	b = append(b, '\n')
	for i, p := range c.query {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	b = append(b, '\n')
	for _, name := range c.signed {
		b = append(b, name...)
		b = append(b, ':')
		b = c.appendValue(b, name)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range c.signed {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, c.payload...)
}

// appendValue writes the values of a header, joined by commas; a header that is signed and not there is empty.
func (c canonicalRequest) appendValue(b []byte, name string) []byte {
	values := c.header[textproto.CanonicalMIMEHeaderKey(name)]
	switch {
	case name == "host":
		return append(b, c.host...)
	case name == "content-length" && values == nil && c.length >= 0:
		return strconv.AppendInt(b, c.length, 10)
	}
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCollapsed(b, value)
	}
	return b
}

// appendCollapsed trims value and writes every run of blanks in it as one space.
func appendCollapsed(b []byte, value string) []byte {
	if !strings.ContainsAny(value, " \t") { // long tokens, mostly
		return append(b, value...)
	}
	start := len(b)
	for word := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == ' ' || c == '\t' }) {
		if len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, word...)
	}
	return b
}

// canonicalPath takes empty and dot segments out of a path and encodes it; what the client had encoded is encoded
// twice then, as for every service but S3.
func canonicalPath(raw string) string {
	if raw == "" || raw == "/" {
		return "/"
	}
	var kept []string
	for segment := range strings.SplitSeq(raw, "/") {
		switch {
		case segment == "" || segment == ".":
		case segment == "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, uriEncode(segment))
		}
	}
	path := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && strings.HasSuffix(raw, "/") {
		path += "/"
	}
	return path
}

// queryParam is one name and value of a query, both in the encoding of uriEncode.
type queryParam struct{ name, value string }

// parseQuery normalises the encoding of a query and sorts it by name, then value. '+' is a plus.
func parseQuery(raw string) []queryParam {
	if raw == "" {
		return nil
	}
	var query []queryParam
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		query = append(query, queryParam{uriEncode(uriDecode(name)), uriEncode(uriDecode(value))})
	}
	slices.SortFunc(query, func(a, b queryParam) int {
		if n := strings.Compare(a.name, b.name); n != 0 {
			return n
		}
		return strings.Compare(a.value, b.value)
	})
	return query
}

// uriDecode leaves a broken escape as it is: the '%' is encoded then like any other byte.
func uriDecode(s string) string {
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}

// uriEncode percent-encodes every byte but the unreserved ones of RFC 3986, in upper case.
func uriEncode(s string) string {
	const upperHex = "0123456789ABCDEF"
	for i := range len(s) {
		if isUnreserved(s[i]) {
			continue
		}
		b := append(make([]byte, 0, len(s)+16), s[:i]...)
		for _, c := range []byte(s[i:]) {
			if isUnreserved(c) {
				b = append(b, c)
			} else {
				b = append(b, '%', upperHex[c>>4], upperHex[c&15])
			}
		}
		return string(b)
	}
	return s
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
