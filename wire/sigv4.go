package wire

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The fixed words and limits of Signature Version 4.
const (
	sigAlgorithm  = "AWS4-HMAC-SHA256"
	sigTerminator = "aws4_request"
	sigTimeFormat = "20060102T150405Z" // ISO 8601 basic format, UTC
	sigDateFormat = "20060102"

	sigSkew       = 5 * time.Minute
	sigMaxExpires = 604800 // seconds: a week

	// Go's and aws4fetch's presigners leave X-Amz-Expires out, and STS takes such a URL for a quarter of an hour.
	sigDefaultExpires = 15 * time.Minute
)

// sigMustCover are the headers that change what a request means or who sent it: present, they must be signed, in a
// presigned URL too. The rule can't be "every x-amz-*", since networks on the way add some of their own, such as
// x-amz-cf-id.
var sigMustCover = [...]struct{ key, name string }{
	{"X-Amz-Target", "x-amz-target"},
	{"X-Amz-Security-Token", "x-amz-security-token"},
	{"X-Amz-Date", "x-amz-date"},
	{"X-Amz-Content-Sha256", "x-amz-content-sha256"},
}

// Verifier checks Signature Version 4, in the Authorization header or in a presigned URL. Its zero value lacks only
// Keys. It is safe for concurrent use and must not be copied.
type Verifier struct {
	Keys Keys
	Now  func() time.Time // nil means time.Now

	derived signingKeys
}

// Verify says who signed r. Body is the whole body, already read from r; service is the name that the credential scope
// must hold, such as "cognito-identity", "iam" or "sts". The host that must have been signed is r.Host: behind a
// trusted proxy the server puts the original one there first.
//
// The Caller is the one of Keys, with the Region of the credential scope. A refusal is a *SignatureError; an error of
// Keys that is neither ErrUnknownKey nor ErrExpiredToken is returned as it is.
//
// All requests that pass with one signature are equal in method, host, X-Amz-Target, session token, body and query, as
// url.ParseQuery reads it, but for the order of values of one name. Of the path they share the normalised form; of the
// other headers, those the client signed. The work grows with the request's headers, so that the server bounds them
// (http.Server.MaxHeaderBytes).
func (v *Verifier) Verify(r *http.Request, body []byte, service string) (Caller, error) {
	s, err := readSignature(r)
	if err != nil {
		return Caller{}, err
	}
	if err := s.checkTime(v.now()); err != nil {
		return Caller{}, err
	}
	if err := s.checkCover(r); err != nil {
		return Caller{}, err
	}
	if err := s.checkScope(service); err != nil {
		return Caller{}, err
	}
	key, err := v.key(r.Context(), s)
	if err != nil {
		return Caller{}, err
	}
	if err := v.checkSignature(r, body, s, key.Secret); err != nil {
		return Caller{}, err
	}
	caller := key.Caller
	caller.Region = s.region
	return caller, nil
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

// key asks before anything is hashed: an unknown key id answers otherwise than a wrong signature anyway, as AWS does
// (an access key id is no secret), so there is no time to even out, and strangers cost the least.
func (v *Verifier) key(ctx context.Context, s *signature) (Key, error) {
	key, err := v.Keys.Key(ctx, s.accessKeyID, s.session)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return Key{}, refuse(UnknownKey, err, unknownKeyText)
	case errors.Is(err, ErrExpiredToken):
		return Key{}, refuse(Expired, err, "The security token included in the request is expired")
	case err != nil:
		return Key{}, err
	}
	return key, nil
}

// checkTime holds the time of the signature against the clock, to the second.
func (s *signature) checkTime(now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	stamp := func(t time.Time) string { return t.Format(sigTimeFormat) }
	earliest, latest, end := now.Add(-sigSkew), now.Add(sigSkew), s.time.Add(s.expires)
	switch {
	case s.time.After(latest):
		return refuse(Skew, nil, "Signature not yet current: %s is still later than %s (%s + 5 min.)",
			stamp(s.time), stamp(latest), stamp(now))
	case s.presigned && end.Before(now):
		return refuse(Skew, nil, "Signature expired: %s is now earlier than %s", stamp(end), stamp(now))
	case !s.presigned && s.time.Before(earliest):
		return refuse(Skew, nil, "Signature expired: %s is now earlier than %s (%s - 5 min.)",
			stamp(s.time), stamp(earliest), stamp(now))
	}
	return nil
}

// checkCover sees to it that nothing that matters can be added to the request, or read otherwise, after it was signed.
func (s *signature) checkCover(r *http.Request) error {
	if !slices.Contains(s.signed, "host") {
		return refuse(Mismatch, nil, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for _, must := range sigMustCover {
		if _, sent := r.Header[must.key]; sent && !slices.Contains(s.signed, must.name) {
			return refuse(Mismatch, nil, "'%s' must be a 'SignedHeader' in the AWS Authorization.", must.name)
		}
	}
	if readsTwoWays(r.URL.RawQuery) {
		return refuse(Incomplete, nil, "The query string must be percent-encoded, without '+' and ';'.")
	}
	return nil
}

// readsTwoWays says whether a form decoder reads a query otherwise than the canonical form does. '+' is a plus in the
// canonical form and a space in forms; url.ParseQuery drops a pair that holds ';' or a broken escape, so that whoever
// was given a presigned URL could drop a parameter of it, say a session policy, by writing %3B as ';'. SDKs send none
// of these.
func readsTwoWays(rawQuery string) bool {
	if strings.ContainsAny(rawQuery, "+;") {
		return true
	}
	_, err := url.PathUnescape(rawQuery)
	return err != nil
}

// checkScope names everything that is wrong with the credential scope at once, as AWS does.
func (s *signature) checkScope(service string) error {
	var wrong []string
	if !validRegion(s.region) {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped to a valid region, not '%s'.", s.region))
	}
	if s.service != service {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped to correct service: '%s'.", service))
	}
	if s.terminator != sigTerminator {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped with a valid terminator: '%s', not '%s'.",
			sigTerminator, s.terminator))
	}
	if day := s.time.Format(sigDateFormat); s.date != day {
		wrong = append(wrong, fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "+
			"date from HTTP: '%s' != '%s', from '%s'.", s.date, day, s.time.Format(sigTimeFormat)))
	}
	if wrong != nil {
		return refuse(WrongScope, nil, "%s", strings.Join(wrong, " "))
	}
	return nil
}

// validRegion is [a-z0-9-]{1,18}: a deployment has the regions that its clients name.
func validRegion(region string) bool {
	if len(region) < 1 || len(region) > 18 {
		return false
	}
	for i := range len(region) {
		c := region[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// checkSignature signs the request again with the secret and compares. The cause of a mismatch, for the log, names the
// host that was signed, since a proxy that rewrites it is the usual reason, and the hash that the client's own debug
// output shows.
func (v *Verifier) checkSignature(r *http.Request, body []byte, s *signature, secret string) error {
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	// UNSIGNED-PAYLOAD is refused here as well: it belongs to S3, and no SDK sends it to these services.
	if sent, ok := r.Header["X-Amz-Content-Sha256"]; ok && (len(sent) != 1 || sent[0] != payload) {
		return refuse(Mismatch, fmt.Errorf("x-amz-content-sha256 of access key %s is %.80q, the body's hash is %s",
			s.accessKeyID, sent, payload), mismatchText)
	}
	creq := sha256.Sum256(s.canonical(r, payload).append(make([]byte, 0, 2048)))
	scope := keyScope{secret: secret, date: s.date, region: s.region, service: s.service}
	key, kept := v.derived.get(scope)
	if !kept {
		key = scope.signingKey()
	}
	want := sign(key, stringToSign(s.time, scope, creq))
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.signature)) != 1 {
		return refuse(Mismatch, fmt.Errorf("signature of access key %s, host %q: canonical request has hash %x",
			s.accessKeyID, r.Host, creq), mismatchText)
	}
	if !kept {
		v.derived.put(scope, key)
	}
	return nil
}
