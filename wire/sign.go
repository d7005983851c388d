package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Sign signs a request that is about to be sent, in its Authorization header: what Verify verifies. A session token goes
// along in X-Amz-Security-Token, which the caller sets before.
func Sign(r *http.Request, body []byte, key Key, region, service string, now time.Time) {
	now = now.UTC()
	r.Header.Set("X-Amz-Date", now.Format(sigTimeFormat))
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	s := &signature{query: parseQuery(r.URL.RawQuery)}
	for _, name := range []string{"content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"} {
		if name == "host" || r.Header.Get(name) != "" {
			s.signed = append(s.signed, name)
		}
	}
	sum := sha256.Sum256(body)
	request := sha256.Sum256(s.canonical(r, hex.EncodeToString(sum[:])).append(nil))
	scope := keyScope{secret: key.Secret, date: now.Format("20060102"), region: region, service: service}
	r.Header.Set("Authorization", sigAlgorithm+
		" Credential="+key.Caller.AccessKeyID+"/"+scope.date+"/"+region+"/"+service+"/"+sigTerminator+
		", SignedHeaders="+strings.Join(s.signed, ";")+
		", Signature="+sign(scope.signingKey(), stringToSign(now, scope, request)))
}
