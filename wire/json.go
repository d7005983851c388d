package wire

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Time is a moment as the protocols write it: in JSON a number of seconds since 1970 with up to three decimals, in XML
// ISO 8601 in UTC, to the second.
type Time struct{ time.Time }

// MarshalJSON writes 1442877512 or 1538078988.077.
func (t Time) MarshalJSON() ([]byte, error) {
	milli := t.UnixMilli()
	if milli%1000 == 0 {
		return strconv.AppendInt(nil, milli/1000, 10), nil
	}
	return strconv.AppendFloat(nil, float64(milli)/1000, 'f', -1, 64), nil
}

// MarshalText writes 2026-11-21T10:12:00Z.
func (t Time) MarshalText() ([]byte, error) {
	return t.UTC().AppendFormat(nil, "2006-01-02T15:04:05Z"), nil
}

const jsonType = "application/x-amz-json-1.1"

// jsonTree reads a body of JSON 1.1. Names are case-sensitive; a name that stands twice, invalid UTF-8 and anything that is
// no object are refused.
func jsonTree(body []byte) (any, error) {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		// The decoder's error may repeat a name of any length, and goes to the log.
		return nil, &Error{Code: codeSerialization, Cause: errors.New(cut(err.Error()))}
	}
	switch tree.(type) {
	case map[string]any:
		return tree, nil
	case []any:
		return nil, mismatch("Start of list found where not expected")
	}
	return nil, &Error{Code: codeSerialization}
}

// isJSON tells whether a content type may carry JSON 1.1. The reference's own samples use application/json.
func isJSON(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case jsonType, "application/json":
		return true
	}
	return false
}

// jsonReply writes a successful call, in the content type that the request came in. No output is an empty body.
func jsonReply(w http.ResponseWriter, contentType string, out any) error {
	var body []byte
	if out != nil {
		var err error
		if body, err = compact(out); err != nil {
			return err
		}
	}
	send(w, http.StatusOK, contentType, body)
	return nil
}

// jsonError writes the envelope that SDKs read: __type first, the short name without a namespace; the type again in
// x-amzn-ErrorType, with a colon behind it.
func jsonError(w http.ResponseWriter, contentType string, e *Error) {
	type head struct {
		Type string `json:"__type"`
	}
	var envelope any = struct {
		head
		Message string `json:"message,omitempty"`
	}{head{e.Code}, e.Message}
	if e.Code == codeSerialization {
		envelope = struct {
			head
			Message string `json:",omitempty"` // with a capital, as the original's decoder writes it
		}{head{e.Code}, e.Message}
	}
	body, err := compact(envelope)
	if err != nil { // strings always encode
		panic(err)
	}
	w.Header().Set("X-Amzn-Errortype", e.Code+":")
	if e.Message != "" {
		w.Header().Set("X-Amzn-Errormessage", headerText(e.Message))
	}
	send(w, e.status(), contentType, body)
}

// compact is JSON without spaces, without a newline at its end, and with <, > and & as they are.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := stdjson.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// headerText makes a message fit for a header: printable ASCII, at most 1,024 bytes. Strangers choose parts of it.
func headerText(message string) string {
	b := make([]byte, 0, min(len(message), maxEcho))
	for _, r := range message {
		if len(b) == maxEcho {
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return string(b)
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is no error of ours
}
