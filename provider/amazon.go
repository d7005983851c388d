package provider

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// amazon is the name of Login with Amazon in Logins maps.
const amazon = "www.amazon.com"

// amazon verifies an access token of Login with Amazon for a client id, amzn1.application-oa2-client.ID.
func (v *Verifier) amazon(ctx context.Context, app, token string) (*Claims, error) {
	return v.accessToken(ctx, amazon, app, token, v.askAmazon)
}

// tokenInfo is Amazon's answer (Login with Amazon, developer guide for websites, "Verify access tokens").
type tokenInfo struct {
	Audience string   `json:"aud"`
	UserID   string   `json:"user_id"` // amzn1.account.ID, another one for each developer
	Left     *float64 `json:"exp"`     // seconds
}

func (v *Verifier) askAmazon(ctx context.Context, app, token string) (*Claims, error) {
	asked := v.Now()
	status, body, err := v.get(ctx, amazon, "https://api.amazon.com", "/auth/o2/tokeninfo", url.Values{"access_token": {token}}, nil)
	switch {
	case err != nil:
		return nil, err
	case about(status):
		return nil, reject(notAccepted, "Amazon answers that it is not valid: expired, revoked or none of theirs")
	case status != http.StatusOK:
		return nil, notUnderstood(amazon, status)
	}
	var info tokenInfo
	if err := readAnswer(amazon, body, &info); err != nil {
		return nil, err
	}
	return v.amazonClaims(&info, app, asked)
}

// amazonClaims judges an answer. It has user_id besides sub, since that is what the original's tags are taken from
// (developer guide, "attributes-for-access-control").
func (v *Verifier) amazonClaims(info *tokenInfo, app string, asked time.Time) (*Claims, error) {
	unusual := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case info.Audience == "" || info.UserID == "" || info.Left == nil,
		len(info.UserID) > maxSubject, strings.ContainsFunc(info.UserID, unusual):
		return nil, strange(amazon)
	case info.Audience != app:
		return nil, &Rejected{notSupported, otherApp(info.Audience, app)}
	case *info.Left <= 0:
		return nil, &Rejected{Message: isExpired}
	}
	left := time.Duration(math.Min(*info.Left, 1e6)) * time.Second // an hour, by the documentation
	return v.vouched(amazon, app, info.UserID, asked.Add(left), "user_id", info.UserID), nil
}
