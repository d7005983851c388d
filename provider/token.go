package provider

import (
	"bytes"
	"encoding/base64"
	stdjson "encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxToken    = 50_000          // bytes; the API's own limit of a login's value
	maxSubject  = 1024            // bytes
	maxAudience = 100             // as many client ids as a provider can have
	maxSeconds  = 253_402_300_799 // the end of the year 9999; more is a provider that counts milliseconds
)

// segment decodes a part of a token. Padding and stray bits at the end are refused, so that a token has one spelling.
var segment = base64.RawURLEncoding.Strict()

// Claims are what a verified token says. They are shared between callers and must not be changed.
type Claims struct {
	Issuer          string    // iss as in the token: with or without scheme and trailing slash
	Subject         string    // sub: 1 to 1,024 bytes
	Audience        []string  // aud; empty only beside an AuthorizedParty
	AuthorizedParty string    // azp; empty if absent
	Expires         time.Time // exp
	IssuedAt        time.Time // iat; zero if absent
	NotBefore       time.Time // nbf; zero if absent
	Raw             []byte    // all claims: a JSON object in which no name stands twice
}

// Claim returns any claim by its name: a string, bool, json.Number (so that no digit is lost), []any, map[string]any, or
// nil for null. It reads the JSON anew on each call; a token's claims are small and most are never asked for.
func (c *Claims) Claim(name string) (value any, ok bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(c.Raw))
	if _, err := d.ReadToken(); err != nil {
		return nil, false
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return nil, false
		}
		if t.String() != name {
			if err := d.SkipValue(); err != nil {
				return nil, false
			}
			continue
		}
		err = json.UnmarshalDecode(d, &value, exactNumbers)
		return value, err == nil
	}
	return nil, false
}

// All returns every claim by its name, in the types of Claim.
func (c *Claims) All() map[string]any {
	var all map[string]any
	if err := json.Unmarshal(c.Raw, &all, exactNumbers); err != nil {
		return nil // not reached by claims that Verifier returned
	}
	return all
}

// exactNumbers reads a number as the digits it was written with: 64 bits of float lose the last ones of long ids.
var exactNumbers = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	digits, err := d.ReadValue()
	*v = stdjson.Number(digits)
	return err
}))

// Peek reads issuer and subject of a token without verifying anything: good for fetching early what will be needed, for
// nothing else. Ok is false for what is no token; every token that a Verifier takes gives the same two here.
func Peek(token string) (issuer, subject string, ok bool) {
	if len(token) > maxToken {
		return "", "", false
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, found := strings.Cut(rest, ".")
	if !found {
		return "", "", false
	}
	raw, err := segment.DecodeString(payload)
	if err != nil {
		return "", "", false
	}
	// A name that stands twice is for the Verifier to refuse; here it would cost half as much again to look for.
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	if json.Unmarshal(raw, &claims, jsontext.AllowDuplicateNames(true)) != nil || claims.Issuer == "" || claims.Subject == "" {
		return "", "", false
	}
	return claims.Issuer, claims.Subject, true
}

// jws is a token in the compact form (RFC 7515), taken apart, not verified.
type jws struct {
	signed    string // header.payload: what the signature covers
	signature []byte
	alg, kid  string
	claims    *Claims
}

// header is all that is read of a token's header. Members that bring or point to keys (jwk, jku, x5c, x5u) are not among
// it: keys come from the provider alone. Neither is typ, which providers fill as they like.
type header struct {
	Algorithm string         `json:"alg"`
	KeyID     string         `json:"kid"`
	Critical  jsontext.Value `json:"crit"`
}

// parse takes a token apart; its errors are Rejected.
func parse(token string) (*jws, error) {
	head, rest, _ := strings.Cut(token, ".")
	payload, signature, found := strings.Cut(rest, ".")
	// The decoder skips line breaks, which would give a token many spellings.
	if !found || strings.ContainsAny(token, "\r\n") {
		return nil, reject(notOpenID, "not three parts")
	}
	t := &jws{signed: token[:len(head)+1+len(payload)]}
	var h header
	if raw, err := segment.DecodeString(head); err != nil || !isObject(raw) || json.Unmarshal(raw, &h) != nil {
		return nil, reject(notOpenID, "the header is no base64url of a JSON object with unique names")
	}
	raw, err := segment.DecodeString(payload)
	if err != nil {
		return nil, reject(notOpenID, "the payload is no base64url")
	}
	if t.signature, err = segment.DecodeString(signature); err != nil {
		return nil, reject(notOpenID, "the signature is no base64url")
	}
	if h.Algorithm == "" || strings.EqualFold(h.Algorithm, "none") {
		return nil, reject(notOpenID, "not signed")
	}
	if _, ok := algorithms[h.Algorithm]; !ok {
		return nil, reject(badSignature, "algorithm not accepted")
	}
	// Whoever doesn't understand all of crit must refuse (RFC 7515, 4.1.11), and no extension is understood here.
	if h.Critical != nil {
		return nil, reject(badSignature, "the header has crit")
	}
	t.alg, t.kid = h.Algorithm, h.KeyID
	t.claims, err = parseClaims(raw)
	return t, err
}

// claimSet is what is read of the claims at once. A claim that is null counts as absent.
type claimSet struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Party     *string  `json:"azp"`
	Expires   *float64 `json:"exp"`
	IssuedAt  *float64 `json:"iat"`
	NotBefore *float64 `json:"nbf"`
}

// parseClaims reads claims and checks what can be checked without knowing for whom they are; its errors are Rejected.
func parseClaims(raw []byte) (*Claims, error) {
	var s claimSet
	if !isObject(raw) || json.Unmarshal(raw, &s) != nil {
		return nil, reject(notOpenID, "the claims are no JSON object with unique names, or one is of the wrong type")
	}
	switch {
	case s.Issuer == "":
		return nil, &Rejected{Message: missingClaim + "iss"}
	case s.Subject == "":
		return nil, &Rejected{Message: missingClaim + "sub"}
	case s.Party == nil && len(s.Audience) == 0:
		return nil, &Rejected{Message: missingClaim + "aud"}
	case s.Expires == nil:
		return nil, &Rejected{Message: missingClaim + "exp"}
	case len(s.Subject) > maxSubject:
		return nil, reject(notOpenID, "sub is too long")
	case len(s.Audience) > maxAudience:
		return nil, reject(notOpenID, "aud names too many")
	case s.Party != nil && *s.Party == "":
		return nil, reject(notOpenID, "azp is empty")
	}
	c := &Claims{Issuer: s.Issuer, Subject: s.Subject, Audience: s.Audience, Raw: raw}
	if s.Party != nil {
		c.AuthorizedParty = *s.Party
	}
	var ok [3]bool
	c.Expires, ok[0] = moment(s.Expires)
	c.IssuedAt, ok[1] = moment(s.IssuedAt)
	c.NotBefore, ok[2] = moment(s.NotBefore)
	if ok != [3]bool{true, true, true} {
		return nil, reject(notOpenID, "exp, iat or nbf is no time in seconds")
	}
	return c, nil
}

// moment turns seconds since 1970, whole or not, into a time; nil is the zero time.
func moment(seconds *float64) (t time.Time, ok bool) {
	if seconds == nil {
		return time.Time{}, true
	}
	if *seconds < 0 || *seconds > maxSeconds {
		return time.Time{}, false
	}
	whole, part := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(part*1e9)), true
}

// audience is aud: one string or an array of them.
type audience []string

func (a *audience) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '[' {
		return json.UnmarshalDecode(d, (*[]string)(a))
	}
	var one string // empty for null
	err := json.UnmarshalDecode(d, &one)
	if one != "" {
		*a = audience{one}
	}
	return err
}

func isObject(raw []byte) bool { return jsontext.Value(raw).Kind() == '{' }
