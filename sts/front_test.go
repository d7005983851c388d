package sts_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

// account is another than pooltest's.
const account = "999999999999"

// visitor is a person who has signed in to a pool of a node of their own.
type visitor struct {
	node   *pooltest.Node
	idp    *pooltest.Provider
	pool   string
	id     string
	logins pooltest.Object
}

func signIn(t *testing.T) *visitor {
	t.Helper()
	v := &visitor{
		node: pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm = "ES256" }), // whose keys are made at once
		idp:  pooltest.NewProvider(t),
	}
	v.idp.Now = v.node.Clock.Now
	v.pool = v.node.Pool(t, v.idp)
	v.logins = pooltest.Object{v.idp.Name(): v.idp.Token("app", "alice")}
	in := pooltest.Object{"IdentityPoolId": v.pool, "Logins": v.logins}
	v.id = v.node.Public(t, "GetId", in).Must(t).Object(t)["IdentityId"].(string)
	return v
}

// openIDToken is the first step of the classic flow.
func (v *visitor) openIDToken(t *testing.T) string {
	t.Helper()
	in := pooltest.Object{"IdentityId": v.id, "Logins": v.logins}
	return v.node.Public(t, "GetOpenIdToken", in).Must(t).Object(t)["Token"].(string)
}

// session is temporary credentials.
type session struct {
	key   wire.Key
	token string
}

func (v *visitor) credentials(t *testing.T) session {
	t.Helper()
	in := pooltest.Object{"IdentityId": v.id, "Logins": v.logins}
	c := v.node.Public(t, "GetCredentialsForIdentity", in).Must(t).Object(t)["Credentials"].(pooltest.Object)
	return session{
		wire.Key{Secret: c["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: c["AccessKeyId"].(string)}},
		c["SessionToken"].(string),
	}
}

func (v *visitor) whoami(t *testing.T, s session) *pooltest.Reply {
	t.Helper()
	return v.node.STS(t, s.key, s.token, "GetCallerIdentity")
}

// absent is a parameter that is left out.
const absent = "\x00"

// assume is the second step of the classic flow, with parameters beside the usual ones or instead of them.
func (v *visitor) assume(t *testing.T, token string, params ...string) *pooltest.Reply {
	t.Helper()
	all := map[string]string{"RoleArn": roleARN("Auth"), "RoleSessionName": "web", "WebIdentityToken": token}
	for i := 0; i+1 < len(params); i += 2 {
		all[params[i]] = params[i+1]
	}
	var list []string
	for name, value := range all {
		if value != absent {
			list = append(list, name, value)
		}
	}
	return v.node.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", list...)
}

func roleARN(name string) string { return "arn:aws:iam::" + pooltest.Account + ":role/" + name }

// roleID is a role's unique id.
func (v *visitor) roleID(t *testing.T, role string) string {
	t.Helper()
	return v.node.IAM(t, "GetRole", "RoleName", role).Must(t).Element("RoleId")
}

// refusal is an error as it must be answered.
type refusal struct {
	status  int
	code    string
	message string
}

func (want refusal) check(t *testing.T, r *pooltest.Reply) {
	t.Helper()
	got := refusal{r.Status, r.Code(), r.Message()}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if r.Header.Get("Content-Type") != "text/xml" || r.Element("Type") != "Sender" {
		t.Errorf("content type %s: %s", r.Header.Get("Content-Type"), r.Body)
	}
}

var (
	denied      = refusal{403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	unknownKey  = refusal{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	expiredKey  = refusal{403, "ExpiredToken", "The security token included in the request is expired"}
	notVerified = refusal{400, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"}
	notJWT      = refusal{400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"}
)

func invalid(format string, args ...any) refusal {
	return refusal{400, "ValidationError", fmt.Sprintf(format, args...)}
}

func constraint(text string) refusal { return invalid("1 validation error detected: %s", text) }

// document is a reply with what differs from call to call replaced by {names}.
func document(r *pooltest.Reply, names map[string]string) string {
	text := string(r.Body)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		text = strings.ReplaceAll(text, names[name], "{"+name+"}")
	}
	return regexp.MustCompile(`<RequestId>[0-9a-f-]{36}</RequestId>`).ReplaceAllString(text, "<RequestId>{id}</RequestId>")
}

func TestGetCallerIdentity(t *testing.T) {
	v := signIn(t)
	const form = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
		`<UserId>%s</UserId><Account>123456789012</Account><Arn>%s</Arn></GetCallerIdentityResult>` +
		`<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	for _, row := range []struct {
		name        string
		who         session
		userID, arn string
	}{
		{"root", session{key: v.node.Root}, "123456789012", "arn:aws:iam::123456789012:root"},
		{
			"session", v.credentials(t), v.roleID(t, "Auth") + ":CognitoIdentityCredentials",
			"arn:aws:sts::123456789012:assumed-role/Auth/CognitoIdentityCredentials",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := v.whoami(t, row.who).Must(t)
			if got, want := document(r, nil), fmt.Sprintf(form, row.userID, row.arn); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestGetCallerIdentityRefuses(t *testing.T) {
	v := signIn(t)
	good := v.credentials(t)
	other := v.credentials(t)
	wrongSecret := good
	wrongSecret.key.Secret = other.key.Secret
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	for _, row := range []struct {
		name string
		who  session
		want refusal
	}{
		{"wrong secret", wrongSecret, refusal{403, "SignatureDoesNotMatch", mismatch}},
		{"another session's token", session{good.key, other.token}, unknownKey},
		{"no session token", session{key: good.key}, unknownKey},
		{"the root's key with a session token", session{v.node.Root, good.token}, unknownKey},
		{"a changed token", session{good.key, "B" + good.token[1:]}, unknownKey},
		{"a token that is none", session{good.key, "token"}, unknownKey},
		{"an unknown key", session{key: wire.Key{Secret: "s", Caller: wire.Caller{AccessKeyID: "AKIANOBODY0000000000"}}}, unknownKey},
		{"not signed", session{}, refusal{403, "MissingAuthenticationToken", "Missing Authentication Token"}},
	} {
		t.Run(row.name, func(t *testing.T) { row.want.check(t, v.whoami(t, row.who)) })
	}
}

// A session ends to the second an hour after it was made.
func TestSessionExpires(t *testing.T) {
	v := signIn(t)
	s := v.credentials(t)
	v.node.Clock.Advance(time.Hour - time.Second)
	v.whoami(t, s).Must(t)
	v.node.Clock.Advance(time.Second)
	expiredKey.check(t, v.whoami(t, s))
}

// What happens to role, pool or identity acts on sessions that were made before.
func TestSessionEnds(t *testing.T) {
	t.Run("role deleted, and made again under its name", func(t *testing.T) {
		v := signIn(t)
		before := v.credentials(t)
		trust := pooltest.TrustPolicy(v.pool, "authenticated")
		v.node.IAM(t, "DeleteRole", "RoleName", "Auth").Must(t)
		unknownKey.check(t, v.whoami(t, before))

		v.node.IAM(t, "CreateRole", "RoleName", "Auth", "AssumeRolePolicyDocument", trust).Must(t)
		unknownKey.check(t, v.whoami(t, before))
		v.whoami(t, v.credentials(t)).Must(t)
	})
	t.Run("pool deleted", func(t *testing.T) {
		v := signIn(t)
		before := v.credentials(t)
		v.node.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": v.pool}).Must(t)
		unknownKey.check(t, v.whoami(t, before))
	})
	t.Run("identity taken in by another", func(t *testing.T) {
		v := signIn(t)
		alice, logins := v.id, v.logins
		v.id, v.logins = v.guest(t), nil
		before := v.credentials(t)
		v.whoami(t, before).Must(t)
		v.logins = logins // the guest turns out to be alice
		after := v.credentials(t)
		unknownKey.check(t, v.whoami(t, before))
		v.whoami(t, after).Must(t)
		v.id = alice
		v.whoami(t, v.credentials(t)).Must(t)
	})
}

func (v *visitor) guest(t *testing.T) string {
	t.Helper()
	return v.node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": v.pool}).Must(t).Object(t)["IdentityId"].(string)
}

// A changed trust policy acts on the next credentials, and leaves those alone that were given out before.
func TestTrustPolicyChanged(t *testing.T) {
	v := signIn(t)
	before, token := v.credentials(t), v.openIDToken(t)
	v.assume(t, token).Must(t)
	v.node.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", pooltest.TrustPolicy("us-east-1:another", "authenticated")).Must(t)

	denied.check(t, v.assume(t, token))
	r := v.node.Public(t, "GetCredentialsForIdentity", pooltest.Object{"IdentityId": v.id, "Logins": v.logins})
	if r.Status != http.StatusBadRequest || r.Code() != "InvalidIdentityPoolConfigurationException" {
		t.Errorf("GetCredentialsForIdentity: %d %s", r.Status, r.Body)
	}
	v.whoami(t, before).Must(t)

	v.node.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", pooltest.TrustPolicy(v.pool, "authenticated")).Must(t)
	v.assume(t, token).Must(t)
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	v := signIn(t)
	r := v.assume(t, v.openIDToken(t), "RoleSessionName", "web@app.example").Must(t)
	s := session{
		wire.Key{Secret: r.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: r.Element("AccessKeyId")}},
		r.Element("SessionToken"),
	}
	if id, secret := s.key.Caller.AccessKeyID, s.key.Secret; len(id) != 20 || !strings.HasPrefix(id, "ASIA") || len(secret) != 40 {
		t.Errorf("access key id %q, secret of %d characters", id, len(secret))
	}
	got := document(r, map[string]string{
		"access key id": s.key.Caller.AccessKeyID, "secret": s.key.Secret, "session token": s.token, "role id": v.roleID(t, "Auth"),
		"identity": v.id, "pool": v.pool, "in an hour": v.node.Clock.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z"),
	})
	want := `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>` +
		`<Credentials><AccessKeyId>{access key id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>` +
		`<SessionToken>{session token}</SessionToken><Expiration>{in an hour}</Expiration></Credentials>` +
		`<SubjectFromWebIdentityToken>{identity}</SubjectFromWebIdentityToken>` +
		`<AssumedRoleUser><AssumedRoleId>{role id}:web@app.example</AssumedRoleId>` +
		`<Arn>arn:aws:sts::123456789012:assumed-role/Auth/web@app.example</Arn></AssumedRoleUser>` +
		`<Provider>cognito-identity.amazonaws.com</Provider><Audience>{pool}</Audience>` +
		`</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if who := v.whoami(t, s).Must(t); who.Element("Arn") != "arn:aws:sts::123456789012:assumed-role/Auth/web@app.example" {
		t.Errorf("GetCallerIdentity says %s", who.Body)
	}
}

// Roles and parameters that are taken.
func TestAssumeRoleAccepts(t *testing.T) {
	v := signIn(t)
	trust := pooltest.TrustPolicy(v.pool, "authenticated")
	v.node.IAM(t, "CreateRole", "RoleName", "Long", "MaxSessionDuration", "43200", "AssumeRolePolicyDocument", trust).Must(t)
	v.node.IAM(t, "CreateRole", "RoleName", "Deep", "Path", "/a/b/", "AssumeRolePolicyDocument", trust).Must(t)
	token := v.openIDToken(t)
	for _, row := range []struct {
		name   string
		params []string
		lives  time.Duration
	}{
		{"an hour unless something else is asked for", nil, time.Hour},
		{"the shortest", []string{"DurationSeconds", "900"}, 15 * time.Minute},
		{"the role's longest", []string{"DurationSeconds", "3600"}, time.Hour},
		{"the longest of all", []string{"RoleArn", roleARN("Long"), "DurationSeconds", "43200"}, 12 * time.Hour},
		{"an hour for a role that allows more", []string{"RoleArn", roleARN("Long")}, time.Hour},
		{"a role with a path", []string{"RoleArn", roleARN("a/b/Deep")}, time.Hour},
		{"a session policy", []string{"Policy", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`}, time.Hour},
		{"the shortest session name", []string{"RoleSessionName", "ab"}, time.Hour},
		{"the longest session name", []string{"RoleSessionName", strings.Repeat("a", 64)}, time.Hour},
		{"a provider id, which means nothing here", []string{"ProviderId", "www.amazon.com"}, time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := v.assume(t, token, row.params...).Must(t)
			if got, want := r.Element("Expiration"), v.node.Clock.Now().Add(row.lives).UTC().Format(time.RFC3339); got != want {
				t.Errorf("expires %s, want %s", got, want)
			}
		})
	}
}

func TestAssumeRoleRefuses(t *testing.T) {
	v := signIn(t)
	token, stranger := v.openIDToken(t), pooltest.NewProvider(t)
	role := func(name, trust string) []string {
		v.node.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).Must(t)
		return []string{"RoleArn", roleARN(name)}
	}
	google := strings.Replace(pooltest.TrustPolicy(v.pool, "authenticated"), `"cognito-identity.amazonaws.com"`, `"accounts.google.com"`, 1)
	_, theirs, _ := strings.Cut(v.idp.Sign(pooltest.Object{"iss": v.node.URL, "sub": v.id, "aud": v.pool}), ".")
	head, _, _ := strings.Cut(token, ".")
	const long = "Member must have length less than or equal to "
	const short = "Member must have length greater than or equal to "

	for _, row := range []struct {
		name   string
		token  string
		params []string
		want   refusal
	}{
		{"a role that trusts another pool", token, role("Pool", pooltest.TrustPolicy("us-east-1:another", "authenticated")), denied},
		{"a role for guests", token, role("ForGuests", pooltest.TrustPolicy(v.pool, "unauthenticated")), denied},
		{"a role that trusts another issuer", token, role("Google", google), denied},
		{"a role that is not there", token, []string{"RoleArn", roleARN("Nobody")}, denied},
		{"a role under another path", token, []string{"RoleArn", roleARN("a/Auth")}, denied},
		{"a role in other letters", token, []string{"RoleArn", roleARN("AUTH")}, denied},
		{"a role of another account", token, []string{"RoleArn", "arn:aws:iam::" + account + ":role/Auth"}, denied},
		{"a role of no account", token, []string{"RoleArn", "arn:aws:iam::nobody:role/Auth"}, denied},

		{"another provider's token", stranger.Token("app", "alice"), nil, refusal{400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + stranger.URL}},
		{"our issuer's name in another's token", v.idp.Sign(pooltest.Object{"iss": v.node.URL, "sub": v.id}), nil, notVerified},
		{"our header on another's token", head + "." + theirs, nil, notVerified},
		{"an issuer that is no URL", v.idp.Sign(pooltest.Object{"iss": "nobody"}), nil, refusal{400, "InvalidIdentityToken", "Issuer must be a valid URL"}},
		{"no issuer", v.idp.Sign(pooltest.Object{"sub": "alice"}), nil, refusal{400, "InvalidIdentityToken", "Issuer must be a valid URL"}},
		{"an access token", "gho_16C7e42F292c6912E7710c838347Ae178B4a", nil, notJWT},
		{"three parts of nothing", "a.b.c", nil, notJWT},

		{"no token", absent, nil, constraint("Value null at 'webIdentityToken' failed to satisfy constraint: Member must not be null")},
		{"a token that is too short", "abc", nil, constraint("Value at 'webIdentityToken' failed to satisfy constraint: " + short + "4")},
		{"a token that is too long", strings.Repeat("a", 20001), nil, constraint("Value at 'webIdentityToken' failed to satisfy constraint: " + long + "20000")},
		{"no role", token, []string{"RoleArn", absent}, constraint("Value null at 'roleArn' failed to satisfy constraint: Member must not be null")},
		{"a role that is no ARN", token, []string{"RoleArn", "Auth"}, constraint("Value 'Auth' at 'roleArn' failed to satisfy constraint: " + short + "20")},
		{"an ARN of something else", token, []string{"RoleArn", "arn:aws:iam::123456789012:user/alice"}, invalid("arn:aws:iam::123456789012:user/alice is invalid")},
		{"an ARN of no role", token, []string{"RoleArn", "arn:aws:iam::123456789012:role/"}, invalid("arn:aws:iam::123456789012:role/ is invalid")},
		{"no session name", token, []string{"RoleSessionName", absent}, constraint("Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null")},
		{"a session name with a space", token, []string{"RoleSessionName", "a b"}, constraint(`Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)},
		{"a session name that is too long", token, []string{"RoleSessionName", strings.Repeat("a", 65)}, constraint("Value '" + strings.Repeat("a", 65) + "' at 'roleSessionName' failed to satisfy constraint: " + long + "64")},

		{"a session that is too short", token, []string{"DurationSeconds", "899"}, constraint("Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900")},
		{"a session of nothing", token, []string{"DurationSeconds", "0"}, constraint("Value '0' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900")},
		{"a session that is too long", token, []string{"DurationSeconds", "43201"}, constraint("Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200")},
		{"a session that is too long for the role", token, []string{"DurationSeconds", "3601"}, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")},
		{"no number of seconds", token, []string{"DurationSeconds", "long"}, refusal{400, "MalformedInput", "STRING_VALUE can not be converted to an Integer"}},

		{"a session policy that is too long", token, []string{"Policy", strings.Repeat("p", 2049)}, constraint("Value '" + strings.Repeat("p", 1024) + "' at 'policy' failed to satisfy constraint: " + long + "2048")},
		{"a session policy that is none", token, []string{"Policy", "{}"}, refusal{400, "MalformedPolicyDocument", "Statement: Syntax errors in policy: a policy needs at least one statement"}},
		{"a session policy with a principal", token, []string{"Policy", pooltest.TrustPolicy(v.pool, "authenticated")}, refusal{400, "MalformedPolicyDocument", "Statement[0]: Policy document should not specify a principal."}},
		{"a session policy that cannot be packed", token, []string{"Policy", wide()}, refusal{400, "PackedPolicyTooLarge", "Packed policy consumes 140% of allotted space, please use smaller policy."}},
		{"managed policies", token, []string{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}, invalid("PolicyArns: the account has no managed policy arn:aws:iam::aws:policy/ReadOnlyAccess")},
	} {
		t.Run(row.name, func(t *testing.T) { row.want.check(t, v.assume(t, row.token, row.params...)) })
	}
}

// wide is a session policy within the limit of characters, whose characters take two bytes each.
func wide() string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/` + strings.Repeat("ÿ", 1900) + `"}}`
}

func TestAssumeRoleExpiredToken(t *testing.T) {
	v := signIn(t)
	token := v.openIDToken(t)
	v.node.Clock.Advance(10*time.Minute - time.Second)
	v.assume(t, token).Must(t)
	v.node.Clock.Advance(3 * time.Second)
	now := v.node.Clock.Now().Unix()
	refusal{400, "ExpiredTokenException", fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now, now-2)}.
		check(t, v.assume(t, token))
}

// A token outlives what it speaks of, and gets nothing then. The log knows why.
func TestAssumeRoleForWhatIsGone(t *testing.T) {
	t.Run("pool deleted", func(t *testing.T) {
		v := signIn(t)
		token := v.openIDToken(t)
		v.node.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": v.pool}).Must(t)
		denied.check(t, v.assume(t, token))
		if log := v.node.Log.String(); !strings.Contains(log, "the token's identity is gone") || strings.Contains(log, v.id) {
			t.Errorf("the log does not say that the identity is gone, or says which: %s", log)
		}
	})
	t.Run("identity taken in by another", func(t *testing.T) {
		v := signIn(t)
		guest := v.guest(t)
		token := v.node.Public(t, "GetOpenIdToken", pooltest.Object{"IdentityId": guest}).Must(t).Object(t)["Token"].(string)
		v.assume(t, token, "RoleArn", roleARN("Guest")).Must(t)
		v.id = guest
		v.credentials(t)
		denied.check(t, v.assume(t, token, "RoleArn", roleARN("Guest")))
	})
}
