package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// facebook is the name of Facebook in Logins maps.
const facebook = "graph.facebook.com"

// facebook verifies a user's access token for an app id; and ID tokens of Limited Login, which the original refuses, where
// the operator wants that.
func (v *Verifier) facebook(ctx context.Context, app, token string) (*Claims, error) {
	if strings.Count(token, ".") == 2 { // no access token has a dot
		return v.limitedLogin(ctx, app, token)
	}
	return v.accessToken(ctx, facebook, app, token, v.askFacebook)
}

// limitedIssuers are the iss of Limited Login: of old, and since 2024 (Limited Login, "Validating the OIDC token"). Each has
// its keys under it.
var limitedIssuers = []string{"https://www.facebook.com", "https://limited.facebook.com"}

// limitedLogin takes of an ID token what an access token of the same user and app would say: both have the same user id.
func (v *Verifier) limitedLogin(ctx context.Context, app, token string) (*Claims, error) {
	_, s := v.Settings.of(facebook)
	if !s.LimitedLogin {
		return nil, reject(notAccepted, "an ID token of Limited Login, which counts only if the settings of "+facebook+" say so")
	}
	issuer := limitedIssuers[0]
	if iss, _, _ := Peek(token); slices.Contains(limitedIssuers, iss) {
		issuer = iss
	}
	claims, err := v.idToken(ctx, &rule{
		name: facebook + " Limited Login", shown: facebook, clients: []string{app},
		keys: source{
			issuer: issuer, base: cmp.Or(s.Endpoint, issuer), jwks: "/.well-known/oauth/openid/jwks/", named: s.Endpoint,
		},
	}, token)
	if err != nil {
		return nil, err
	}
	return v.vouched(facebook, app, claims.Subject, claims.Expires), nil
}

// tokenInspection is the answer of debug_token (Graph API reference).
type tokenInspection struct {
	Data *struct {
		AppID   numeric     `json:"app_id"`
		Type    string      `json:"type"`
		Valid   bool        `json:"is_valid"`
		UserID  numeric     `json:"user_id"`
		Expires int64       `json:"expires_at"` // 0: never
		Error   *graphError `json:"error"`      // why it is not valid
	} `json:"data"`
}

// graphError is how Facebook refuses (Graph API, "Handle errors"). Its message may quote a token, so it is not read.
type graphError struct {
	Code      int  `json:"code"`
	Subcode   int  `json:"error_subcode"`
	InToken   int  `json:"subcode"` // error_subcode in what debug_token says of a token
	Transient bool `json:"is_transient"`
}

// askFacebook lets Facebook inspect a token. The app's secret, where the operator gave it, makes the app ask; else the token
// asks about itself, which Facebook grants to some users only (its pages differ on whom).
func (v *Verifier) askFacebook(ctx context.Context, app, token string) (*Claims, error) {
	_, s := v.Settings.of(facebook)
	secret := s.Secrets[app]
	asking := token
	if secret != "" {
		asking = app + "|" + secret
	}
	var answer tokenInspection
	refusal, err := v.graph(ctx, "/debug_token", url.Values{"input_token": {token}, "access_token": {asking}}, &answer)
	switch {
	case err != nil:
		return nil, err
	case refusal == nil:
		return v.facebookClaims(&answer, app)
	case secret == "" && refusal.forbids():
		return v.askFacebookTwice(ctx, app, token)
	case secret != "" && refusal.Code != 100: // 100: the token is no token, or of another app
		return nil, &Unavailable{facebook, fmt.Errorf("it refuses the app secret in the settings: code %d", refusal.Code)}
	case secret != "":
		return nil, &Rejected{notSupported, refusal.cause()}
	}
	return nil, refusal.rejected()
}

// facebookClaims judges what Facebook says of a token.
func (v *Verifier) facebookClaims(answer *tokenInspection, app string) (*Claims, error) {
	d := answer.Data
	if d == nil {
		return nil, strange(facebook)
	}
	now := v.Now()
	switch {
	case d.AppID != "" && string(d.AppID) != app:
		return nil, &Rejected{notSupported, otherApp(string(d.AppID), app)}
	case !d.Valid && d.Error != nil:
		return nil, d.Error.rejected()
	case d.Expires != 0 && d.Expires <= now.Unix():
		return nil, &Rejected{Message: isExpired}
	case !d.Valid:
		return nil, reject(notAccepted, "Facebook answers that it is not valid")
	case d.AppID == "" || d.Expires > maxSeconds:
		return nil, strange(facebook)
	case d.Type != "USER":
		return nil, &Rejected{notAccepted, fmt.Errorf("not a user's token: its type is %.32q", d.Type)}
	case !d.UserID.isID():
		return nil, strange(facebook)
	}
	var expires time.Time
	if d.Expires != 0 {
		expires = time.Unix(d.Expires, 0)
	}
	return v.vouched(facebook, app, string(d.UserID), expires), nil
}

// askFacebookTwice asks with the token whose app it is and whose user, as any user may. What a token that works doesn't
// tell is when it ends.
func (v *Verifier) askFacebookTwice(ctx context.Context, app, token string) (*Claims, error) {
	var node struct {
		ID numeric `json:"id"`
	}
	refusal, err := v.graph(ctx, "/app", url.Values{"fields": {"id"}, "access_token": {token}}, &node)
	switch {
	case err != nil:
		return nil, err
	case refusal != nil:
		return nil, refusal.rejected()
	case !node.ID.isID():
		return nil, strange(facebook)
	case string(node.ID) != app:
		return nil, &Rejected{notSupported, otherApp(string(node.ID), app)}
	}
	node.ID = ""
	// A page's token has the page as me. Pages have no first name, and asking for a field that is not there is refused.
	refusal, err = v.graph(ctx, "/me", url.Values{"fields": {"id,first_name"}, "access_token": {token}}, &node)
	switch {
	case err != nil:
		return nil, err
	case refusal != nil:
		return nil, refusal.rejected()
	case !node.ID.isID():
		return nil, strange(facebook)
	}
	return v.vouched(facebook, app, string(node.ID), time.Time{}), nil
}

// graph asks the Graph API. Refusal is what it says against the question, err that nothing was said.
func (v *Verifier) graph(ctx context.Context, path string, query url.Values, into any) (refusal *graphError, err error) {
	status, body, err := v.get(ctx, facebook, "https://graph.facebook.com", path, query, nil)
	if err != nil {
		return nil, err
	}
	if status == http.StatusOK {
		return nil, readAnswer(facebook, body, into)
	}
	if !about(status) {
		return nil, notUnderstood(facebook, status)
	}
	return graphRefusal(body)
}

func graphRefusal(body []byte) (*graphError, error) {
	var answer struct {
		Error *graphError `json:"error"`
	}
	if err := readAnswer(facebook, body, &answer); err != nil {
		return nil, err
	}
	if answer.Error == nil || answer.Error.Code == 0 {
		return nil, strange(facebook)
	}
	if answer.Error.passes() {
		return nil, &Unavailable{facebook, answer.Error.cause()}
	}
	return answer.Error, nil
}

// passes tells of errors that say nothing of the token: Facebook's own (1, 2) and limits of calls (4, 17, 32, 341, 613).
func (e *graphError) passes() bool {
	return e.Transient || slices.Contains([]int{1, 2, 4, 17, 32, 341, 613}, e.Code)
}

// forbids tells that it is the question that is refused: "You must provide an app access token, or a user access token
// that is an owner or developer of the app" (100), and lack of permission (10, 200 to 299).
func (e *graphError) forbids() bool {
	return e.Code == 100 || e.Code == 10 || e.Code >= 200 && e.Code < 300
}

// rejected is what the client hears. Of the subcodes of an invalid token (190) only 463 is time's.
func (e *graphError) rejected() error {
	if cmp.Or(e.Subcode, e.InToken) == 463 {
		return &Rejected{isExpired, e.cause()}
	}
	return &Rejected{notAccepted, e.cause()}
}

func (e *graphError) cause() error {
	return errors.New("Facebook answers with code " + strconv.Itoa(e.Code) + ", subcode " + strconv.Itoa(cmp.Or(e.Subcode, e.InToken)))
}

// areSecrets tells whether settings may be apps and their secrets.
func areSecrets(secrets map[string]string) bool {
	for app, secret := range secrets {
		if !numeric(app).isID() || secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return false
		}
	}
	return true
}

// otherApp says in the log what the client is not told.
func otherApp(got, configured string) error {
	return fmt.Errorf("the token is for the app %.128q, and the pool has %.128q", got, configured)
}
