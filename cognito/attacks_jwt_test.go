package cognito_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"idpool/pooltest"
)

// claims are those of mallory, who is nobody yet, with members changed: whatever is taken of them is stored.
func (v *victim) claims(pairs ...any) pooltest.Object {
	return edit(edit(v.good, "sub", "mallory"), pairs...)
}

// token is alice's, which is good, with members changed.
func (v *victim) token(pairs ...any) string { return v.signed(edit(v.good, pairs...)) }

// signed is what the provider itself has signed, claims as an object or as text.
func (v *victim) signed(claims any) string { return v.headed(claims) }

// headed is the same under another header.
func (v *victim) headed(claims any, pairs ...any) string {
	return compact(edit(pooltest.Object{"alg": "RS256", "kid": "r"}, pairs...), claims, v.by.rs256)
}

// forged is mallory's token, signed by the attacker.
func (v *victim) forged(pairs ...any) string {
	return compact(edit(pooltest.Object{"alg": "RS256", "kid": "r"}, pairs...), v.claims(), v.attacker.rs256)
}

// attacks are those on every kind of ID token.
func (v *victim) attacks() []attack {
	return slices.Concat(v.shapes(), v.algorithms(), v.confusions(), v.keys(), v.headers(), v.issuers(), v.audiences(), v.subjects(), v.times())
}

func unsigned(string) []byte { return nil }

// Spellings that are no token, though some reader may take them for one.
func (v *victim) shapes() []attack {
	good := v.signed(v.claims())
	parts := strings.Split(good, ".")
	text := asJSON(v.claims())
	padded := func(enc *base64.Encoding, claims string) string {
		signed := parts[0] + "." + enc.EncodeToString([]byte(claims))
		return signed + "." + b64(string(v.by.rs256(signed)))
	}
	return []attack{
		{"50,001 characters", v.signed(v.claims("x", strings.Repeat("A", 50_001)))[:50_001], isTooLong},
		{"nothing", "", isTooLong},
		{"garbage", "garbage", isNoToken},
		{"dots", "..", isNoToken},
		{"two parts", parts[0] + "." + parts[1], isNoToken},
		{"four parts", good + "." + parts[2], isNoToken},
		{"five parts, as encrypted ones have", b64(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".AA.AA.AA.AA", isNoToken},
		{"five parts, the first three good", good + ".AA.AA", isNoToken},
		{"a blank before", " " + good, isNoToken},
		{"a blank behind", good + " ", isNoToken},
		{"a line's end behind", good + "\n", isNoToken},
		{"a line's end inside", good[:len(good)-8] + "\r\n" + good[len(good)-8:], isNoToken},
		{"garbage behind", good + "!", isNoToken},
		{"NUL behind", good + "\x00", isNoToken},
		{"a padded signature", good + "==", isNoToken},
		{"padded claims, signed so", padded(base64.URLEncoding, text+strings.Repeat(" ", 4-len(text)%3)), isNoToken},
		{"claims in the other alphabet, signed so", padded(base64.RawStdEncoding, asJSON(v.claims("x", "\u07ff\u07ff\u07ff\u07ff"))), isNoToken},
		{"stray bits in the last digit", strayBits(good), isNoToken},
		{"a header that is no JSON", b64("x") + "." + parts[1] + "." + parts[2], isNoToken},
		{"a header that is a list", compact(`["RS256"]`, v.claims(), v.by.rs256), isNoToken},
		{"a header with alg twice", compact(`{"alg":"RS256","alg":"none","kid":"r"}`, v.claims(), v.by.rs256), isNoToken},
		{"a header with kid twice", compact(`{"alg":"RS256","kid":"x","kid":"r"}`, v.claims(), v.by.rs256), isNoToken},
		{"a header with something else twice", compact(`{"alg":"RS256","kid":"r","x":1,"x":1}`, v.claims(), v.by.rs256), isNoToken},
		{"a header of two documents", compact(`{"alg":"RS256","kid":"r"}{}`, v.claims(), v.by.rs256), isNoToken},
		{"claims that are a list", v.signed("[" + text + "]"), isNoToken},
		{"claims that are two documents", v.signed(text + text), isNoToken},
		{"sub twice", v.signed(strings.Replace(text, "{", `{"sub":"alice",`, 1)), isNoToken},
		{"sub twice, once escaped", v.signed(strings.Replace(text, "{", `{"\u0073ub":"alice",`, 1)), isNoToken},
		{"another claim twice, inside", v.signed(v.claims("x", json.RawMessage(`{"a":1,"a":2}`))), isNoToken},
		{"claims that are no UTF-8", v.signed(strings.Replace(text, "mallory", "mallory\xff", 1)), isNoToken},
		{"half a surrogate pair", v.signed(strings.Replace(text, "mallory", `mallory\ud800`, 1)), isNoToken},
	}
}

// strayBits spells a token otherwise, by bits of its last digit that mean nothing.
func strayBits(token string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, token[len(token)-1])
	return token[:len(token)-1] + digits[last+1:last+2]
}

// Tokens without a signature, and signatures of something else.
func (v *victim) algorithms() []attack {
	good, alices := v.signed(v.claims()), v.token()
	parts := strings.Split(good, ".")
	signature := v.by.rs256(parts[0] + "." + parts[1])
	alg := func(alg string) string {
		return compact(pooltest.Object{"alg": alg, "kid": "r"}, v.claims(), v.by.rs256)
	}
	none := func(alg string) string { return compact(pooltest.Object{"alg": alg}, v.claims(), unsigned) }
	return []attack{
		{"alg none", none("none"), isNoToken},
		{"alg None", none("None"), isNoToken},
		{"alg nOnE", none("nOnE"), isNoToken},
		{"alg none with a signature", alg("none"), isNoToken},
		{"alg NONE with a signature", alg("NONE"), isNoToken},
		{"alg empty", alg(""), isNoToken},
		{"no alg", v.headed(v.claims(), "alg", absent{}), isNoToken},
		{"alg null", v.headed(v.claims(), "alg", nil), isNoToken},
		{"alg a list", v.headed(v.claims(), "alg", []string{"RS256"}), isNoToken},
		{"alg in small letters", alg("rs256"), isNotSigned},
		{"alg with a blank", alg("RS256 "), isNotSigned},
		{"alg unknown", alg("RS257"), isNotSigned},
		{"EdDSA", alg("EdDSA"), isNotSigned},
		{"an encrypting algorithm", alg("RSA-OAEP"), isNotSigned},
		{"an empty signature", parts[0] + "." + parts[1] + ".", isNotSigned},
		{"a signature that lacks its end", parts[0] + "." + parts[1] + "." + b64(string(signature[:255])), isNotSigned},
		{"a signature with more behind", parts[0] + "." + parts[1] + "." + b64(string(signature)+"\x00"), isNotSigned},
		{"a signature of zeros", compact(pooltest.Object{"alg": "RS256", "kid": "r"}, v.claims(), func(string) []byte { return make([]byte, 256) }), isNotSigned},
		{"another token's signature", parts[0] + "." + parts[1] + "." + strings.Split(alices, ".")[2], isNotSigned},
		{"other claims under a signature", strings.Replace(alices, strings.Split(alices, ".")[1], parts[1], 1), isNotSigned},
		{"another header over a signature", b64(`{"alg":"RS256","kid":"r","x":1}`) + "." + parts[1] + "." + parts[2], isNotSigned},
	}
}

// One kind of key taken for another.
func (v *victim) confusions() []attack {
	public := &v.by.rsa.PublicKey
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	inPEM := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	hmacBy := func(secret []byte) string {
		return compact(pooltest.Object{"alg": "HS256", "kid": "r"}, v.claims(), hs256(secret))
	}
	as := func(alg, kid string, sign func(string) []byte) string {
		return compact(pooltest.Object{"alg": alg, "kid": kid}, v.claims(), sign)
	}
	zeros := func(string) []byte { return make([]byte, 64) }
	return []attack{
		{"HS256 keyed with the public key's PEM", hmacBy(inPEM("PUBLIC KEY", pkix)), isNotSigned},
		{"HS256 keyed with the public key's PEM, no line's end", hmacBy([]byte(strings.TrimSpace(string(inPEM("PUBLIC KEY", pkix))))), isNotSigned},
		{"HS256 keyed with the public key's other PEM", hmacBy(inPEM("RSA PUBLIC KEY", pkcs1)), isNotSigned},
		{"HS256 keyed with the public key's DER", hmacBy(pkix), isNotSigned},
		{"HS256 keyed with the public key's other DER", hmacBy(pkcs1), isNotSigned},
		{"HS256 keyed with the modulus", hmacBy(public.N.Bytes()), isNotSigned},
		{"HS256 keyed with the modulus as JWKS has it", hmacBy([]byte(b64(string(public.N.Bytes())))), isNotSigned},
		{"HS256 keyed with nothing", hmacBy(nil), isNotSigned},
		{"HS512 keyed with the public key's PEM", as("HS512", "r", hs256(inPEM("PUBLIC KEY", pkix))), isNotSigned},
		{"ES256 by the RSA key", as("ES256", "r", v.by.rs256), isNotSigned},
		{"RS256 by the P-256 key", as("RS256", "e", v.by.es256), isNotSigned},
		{"RS256 under the P-256 key's id", as("RS256", "e", v.by.rs256), isNotSigned},
		{"ES256 under the RSA key's id", as("ES256", "r", v.by.es256), isNotSigned},
		{"ES384 by the P-256 key", as("ES384", "e", v.by.es256), isNotSigned},
		{"ES256 of zeros", as("ES256", "e", zeros), isNotSigned},
		{"ES256 in DER", as("ES256", "e", v.by.es256InDER), isNotSigned},
		{"PS256 over a signature of PKCS 1", as("PS256", "r", v.by.rs256), isNotSigned},
		{"RS512 over a signature of SHA-256", as("RS512", "r", v.by.rs256), isNotSigned},
	}
}

// Keys of others, and ids that lead to none.
func (v *victim) keys() []attack {
	kid := func(kid any) string { return v.forged("kid", kid) }
	return []attack{
		{"the attacker's key", v.forged("kid", "m"), isNotSigned},
		{"the attacker's key under a known id", kid("r"), isNotSigned},
		{"the attacker's key without an id", kid(absent{}), isNotSigned},
		{"the attacker's key under an empty id", kid(""), isNotSigned},
		{"the key of another provider of the pool", v.second(v.claims()), isNotSigned},
		{"kid a path", kid("../../../../../../dev/null"), isNotSigned},
		{"kid a path with NUL", kid("/dev/null\x00r"), isNotSigned},
		{"kid a file's URL", kid("file:///dev/null"), isNotSigned},
		{"kid a URL", kid(v.attacker.URL + "/keys"), isNotSigned},
		{"kid SQL", kid("r' UNION SELECT 'x' --"), isNotSigned},
		{"kid SQL that drops", kid("'; DROP TABLE identities; --"), isNotSigned},
		{"kid a command", kid("$(touch /tmp/x)|`id`"), isNotSigned},
		{"kid huge", kid(strings.Repeat("k", 30_000)), isNotSigned},
		{"kid with a line's end", kid("r\r\nX-Injected: 1"), isNotSigned},
		{"kid a number", kid(1), isNoToken},
		{"kid a list", kid([]string{"r"}), isNoToken},
		{"kid an object", kid(pooltest.Object{"$ne": ""}), isNoToken},
	}
}

// Headers that bring a key along, point to one, or ask for other rules.
func (v *victim) headers() []attack {
	url := v.attacker.URL + "/keys"
	certificate := base64.StdEncoding.EncodeToString(v.attacker.certificate())
	return []attack{
		{"jku", v.forged("jku", url, "kid", "m"), isNotSigned},
		{"jku under a known id", v.forged("jku", url), isNotSigned},
		{"jku of an address that answers nobody", v.forged("jku", "http://169.254.169.254/latest/meta-data"), isNotSigned},
		{"x5u", v.forged("x5u", url, "kid", "m"), isNotSigned},
		{"x5u under a known id", v.forged("x5u", url), isNotSigned},
		{"x5c", v.forged("x5c", []string{certificate}, "kid", "m"), isNotSigned},
		{"x5c under a known id", v.forged("x5c", []string{certificate}), isNotSigned},
		{"jwk", v.forged("jwk", v.attacker.jwk("m"), "kid", "m"), isNotSigned},
		{"jwk under a known id", v.forged("jwk", v.attacker.jwk("r")), isNotSigned},
		{"jwk without an id", v.forged("jwk", v.attacker.jwk(""), "kid", absent{}), isNotSigned},
		{"all of them", v.forged("jku", url, "x5u", url, "x5c", []string{certificate}, "jwk", v.attacker.jwk("r")), isNotSigned},
		{"crit unknown", v.headed(v.claims(), "crit", []string{"x"}, "x", 1), isNotSigned},
		{"crit empty", v.headed(v.claims(), "crit", []string{}), isNotSigned},
		{"crit null", v.headed(v.claims(), "crit", nil), isNotSigned},
		{"crit no list", v.headed(v.claims(), "crit", "exp"), isNotSigned},
		{"crit of alg", v.headed(v.claims(), "crit", []string{"alg"}), isNotSigned},
		{"b64 false", v.headed(v.claims(), "crit", []string{"b64"}, "b64", false), isNotSigned},
		{"b64 false, and claims as they are", v.bare(), isNoToken},
	}
}

// bare is a token whose claims are not encoded (RFC 7797).
func (v *victim) bare() string {
	signed := b64(`{"alg":"RS256","kid":"r","b64":false,"crit":["b64"]}`) + "." + asJSON(v.claims())
	return signed + "." + b64(string(v.by.rs256(signed)))
}

// Issuers that are another, though they look like the right one.
func (v *victim) issuers() []attack {
	iss := func(iss any) string { return v.signed(v.claims("iss", iss)) }
	scheme, host, _ := strings.Cut(v.by.issuer, "://")
	return []attack{
		{"no iss", iss(absent{}), lacks("iss")},
		{"iss null", iss(nil), lacks("iss")},
		{"iss empty", iss(""), lacks("iss")},
		{"iss a list", iss([]string{v.by.issuer}), isNoToken},
		{"iss a number", iss(1), isNoToken},
		{"iss of another provider", iss("https://id.example"), isByOthers},
		{"iss of the attacker", iss(v.attacker.URL), isByOthers},
		{"our own iss", iss(v.ours), notAuthorized("Invalid login token. Can't pass in a Cognito token.")},
		{"iss of a path below", iss(v.by.issuer + "/x"), isByOthers},
		{"iss with two slashes behind", iss(v.by.issuer + "//"), isByOthers},
		{"iss with a query", iss(v.by.issuer + "?x"), isByOthers},
		{"iss with a fragment", iss(v.by.issuer + "#"), isByOthers},
		{"iss with a blank", iss(v.by.issuer + " "), isByOthers},
		{"iss with NUL", iss(v.by.issuer + "\x00"), isByOthers},
		{"iss that goes on", iss(v.by.issuer + ".evil.example"), isByOthers},
		{"iss as the user of another host", iss(v.by.issuer + "@evil.example"), isByOthers},
		{"iss in another's path", iss("https://evil.example/" + v.by.issuer), isByOthers},
		{"iss that breaks off", iss(v.by.issuer[:len(v.by.issuer)-1]), isByOthers},
		{"iss of a host below", iss(scheme + "://x." + host), isByOthers},
		{"iss in capitals", iss(strings.ToUpper(v.by.issuer)), isByOthers},
		{"iss by another scheme", iss("ftp://" + host), isByOthers},
		{"iss with two schemes", iss(scheme + "://" + v.by.issuer), isByOthers},
		{"iss a scheme", iss("https://"), isByOthers},
	}
}

func (v *victim) audiences() []attack {
	aud := func(aud any, pairs ...any) string { return v.signed(v.claims(append(pairs, "aud", aud)...)) }
	app := v.good["aud"].(string)
	return []attack{
		{"another aud", aud("other"), isForOthers},
		{"aud that goes on", aud(app + "x"), isForOthers},
		{"aud with a blank", aud(app + " "), isForOthers},
		{"aud in capitals", aud(strings.ToUpper(app) + "P"), isForOthers},
		{"aud with NUL", aud(app + "\x00"), isForOthers},
		{"aud of several in one", aud("other " + app), isForOthers},
		{"aud a list of others", aud([]string{"other", "another"}), isForOthers},
		{"aud a list with a list in it", aud([]any{"other", []string{app}}), isNoToken},
		{"aud a list with a number in it", aud([]any{app, 1}), isNoToken},
		{"aud a list with null in it, and others", aud([]any{nil, "other"}), isForOthers},
		{"aud an object", aud(pooltest.Object{"0": app}), isNoToken},
		{"aud a number", aud(7), isNoToken},
		{"aud true", aud(true), isNoToken},
		{"aud of 101", aud(append(make([]string, 100), app)), isNoToken},
		{"aud an empty list", aud([]string{}), lacks("aud")},
		{"aud empty", aud(""), lacks("aud")},
		{"aud null", aud(nil), lacks("aud")},
		{"no aud", aud(absent{}), lacks("aud")},
		{"no aud but a client_id, as access tokens have", aud(absent{}, "client_id", app), lacks("aud")},
		{"aud in capital letters", aud(absent{}, "AUD", app), lacks("aud")},
		{"aud and azp of others", aud("other", "azp", "another"), isForOthers},
		{"azp empty", aud(app, "azp", ""), isNoToken},
		{"azp a list", aud(app, "azp", []string{app}), isNoToken},
	}
}

func (v *victim) subjects() []attack {
	sub := func(sub any, pairs ...any) string { return v.signed(v.claims(append(pairs, "sub", sub)...)) }
	return []attack{
		{"no sub", sub(absent{}), lacks("sub")},
		{"sub null", sub(nil), lacks("sub")},
		{"sub empty", sub(""), lacks("sub")},
		{"sub in capital letters", sub(absent{}, "SUB", "mallory"), lacks("sub")},
		{"sub a number", sub(1), isNoToken},
		{"sub a list", sub([]string{"mallory"}), isNoToken},
		{"sub of 1,025 bytes", sub(strings.Repeat("s", 1025)), isNoToken},
		{"sub of 1,025 bytes in fewer characters", sub(strings.Repeat("€", 341) + "ss" + "s"), isNoToken}, // 3 bytes each
	}
}

func (v *victim) times() []attack {
	with := func(claim string, at any) string { return v.signed(v.claims(claim, at)) }
	expired := func(exp int64) refusal {
		return notAuthorized(fmt.Sprintf("Invalid login token. Token expired: %d >= %d", v.now, exp))
	}
	early := func(from int64) refusal {
		return notAuthorized(fmt.Sprintf("Invalid login token. Token is not yet valid: %d < %d", v.now, from))
	}
	return []attack{
		{"expired", with("exp", v.now-3600), expired(v.now - 3600)},
		{"expired to the second, after five minutes of grace", with("exp", v.now-300), expired(v.now - 300)},
		{"expired in 1970", with("exp", 0), expired(0)},
		{"no exp", with("exp", absent{}), lacks("exp")},
		{"exp null", with("exp", nil), lacks("exp")},
		{"exp a string", with("exp", fmt.Sprint(v.now+3600)), isNoToken},
		{"exp a list", with("exp", []int64{v.now + 3600}), isNoToken},
		{"exp true", with("exp", true), isNoToken},
		{"exp negative", with("exp", -1), isNoToken},
		{"exp in milliseconds", with("exp", (v.now+3600)*1000), isNoToken},
		{"exp beyond 64 bits", with("exp", json.RawMessage("18446744073709551616")), isNoToken},
		{"exp beyond numbers", with("exp", json.RawMessage("1e999")), isNoToken},
		{"exp NaN", v.signed(strings.Replace(asJSON(v.claims("exp", "at")), `"at"`, "NaN", 1)), isNoToken},
		{"nbf in the future", with("nbf", v.now+301), early(v.now + 301)},
		{"nbf a string", with("nbf", "0"), isNoToken},
		{"nbf beyond 64 bits", with("nbf", json.RawMessage("1e30")), isNoToken},
		{"iat in the future", with("iat", v.now+301), early(v.now + 301)},
		{"iat a string", with("iat", "0"), isNoToken},
	}
}

// oddToken is taken; alice tells whether it is hers.
type oddToken struct {
	name, token string
	alice       bool
}

// odd are tokens that some attack resembles.
func (v *victim) odd() []oddToken {
	url, app := v.attacker.URL+"/keys", v.good["aud"].(string)
	es256 := compact(`{"alg":"ES256","kid":"e"}`, v.good, v.by.es256)
	long := v.token("x", strings.Repeat("A", 36_000))
	return []oddToken{
		{"aud a list with the right one among others", v.token("aud", []string{"other", app, "another"}), true},
		{"azp beside aud", v.token("azp", app, "aud", []string{"other", app}), true},
		{"azp alone", v.token("azp", app, "aud", absent{}), true},
		{"exp a fraction", v.token("exp", float64(v.now)+3600.5), true},
		{"exp with an exponent", v.token("exp", json.RawMessage("2.5e9")), true},
		{"expired within five minutes of grace", v.token("exp", v.now-299), true},
		{"nbf within five minutes of grace", v.token("nbf", v.now+300), true},
		{"iss with a slash behind", v.token("iss", v.by.issuer+"/"), true},
		{"iss without its scheme", v.token("iss", strings.TrimPrefix(strings.TrimPrefix(v.by.issuer, "https://"), "http://")), true},
		{"jku and others, by the right key", v.headed(v.good, "jku", url, "x5u", url, "jwk", v.attacker.jwk("r")), true},
		{"no kid", v.headed(v.good, "kid", absent{}), true},
		{"b64 false that is not in crit", v.headed(v.good, "b64", false), true},
		{"ES256", es256, true},
		{"nearly 50,000 characters", long, true},
		{"sub of 1,024 bytes", v.token("sub", strings.Repeat("s", 1024)), false},
		{"sub with NUL behind", v.token("sub", "alice\x00"), false},
		{"sub with NUL and more behind", v.token("sub", "alice\x00x"), false},
		{"sub in other letters", v.token("sub", "Alice"), false},
		{"sub with a blank", v.token("sub", "alice "), false},
		{"sub of another alphabet", v.token("sub", "аlice"), false},
		{"sub with an accent, composed", v.token("sub", "alicé"), false},
		{"sub with an accent, not composed", v.token("sub", "alice\u0301"), false},
	}
}
