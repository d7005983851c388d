package sts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/server"
)

// world is a node with users and roles, and no pool.
type world struct {
	node *pooltest.Node
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm = "ES256" })}
}

// iam calls IAM as the root of the account.
func (w *world) iam(t *testing.T, action string, params ...string) *pooltest.Reply {
	t.Helper()
	return w.node.IAM(t, action, params...).Must(t)
}

// role makes a role with a trust policy's statement and inline policies, and returns its ARN.
func (w *world) role(t *testing.T, name, trust string, policies ...string) string {
	t.Helper()
	w.iam(t, "CreateRole", "RoleName", name, "MaxSessionDuration", "7200", "AssumeRolePolicyDocument", policyOf(trust))
	for i, p := range policies {
		w.iam(t, "PutRolePolicy", "RoleName", name, "PolicyName", fmt.Sprint("P", i), "PolicyDocument", policyOf(p))
	}
	return roleARN(name)
}

// user makes a user with inline policies.
func (w *world) user(t *testing.T, name string, policies ...string) session {
	t.Helper()
	var documents []string
	for _, p := range policies {
		documents = append(documents, policyOf(p))
	}
	return session{key: w.node.User(t, name, documents...)}
}

// assume calls AssumeRole; params are names and values in turn.
func (w *world) assume(t *testing.T, who session, role string, params ...string) *pooltest.Reply {
	t.Helper()
	return w.node.STS(t, who.key, who.token, "AssumeRole", append([]string{"RoleArn", role, "RoleSessionName", "work"}, params...)...)
}

// arn is what GetCallerIdentity says.
func (w *world) arn(t *testing.T, who session) string {
	t.Helper()
	return w.node.STS(t, who.key, who.token, "GetCallerIdentity").Must(t).Element("Arn")
}

// list tries to list roles, which the policies of these tests allow or not.
func (w *world) list(t *testing.T, who session, want bool) {
	t.Helper()
	r, body := w.node.Query(t, "2010-05-08", "ListRoles")
	if got := w.node.Send(t, r, body, who.key, who.token, "iam"); (got.Status == 200) != want || !want && got.Code() != "AccessDenied" {
		t.Errorf("ListRoles: %d %s", got.Status, got.Body)
	}
}

func policyOf(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

// trusting lets an AWS principal do actions, under conditions if there are any.
func trusting(principal, actions string, conditions ...string) string {
	condition := ""
	if len(conditions) > 0 {
		condition = `,"Condition":{` + strings.Join(conditions, ",") + `}`
	}
	return `{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":[` + quoted(actions) + `]` + condition + `}`
}

func quoted(names string) string { return `"` + strings.ReplaceAll(names, " ", `","`) + `"` }

// letting allows actions on a resource.
func letting(actions, resource string, conditions ...string) string {
	condition := ""
	if len(conditions) > 0 {
		condition = `,"Condition":{` + strings.Join(conditions, ",") + `}`
	}
	return `{"Effect":"Allow","Action":[` + quoted(actions) + `],"Resource":"` + resource + `"` + condition + `}`
}

const (
	root     = "arn:aws:iam::" + pooltest.Account + ":root"
	everyone = "arn:aws:sts::" + pooltest.Account + ":assumed-role/"
	both     = "sts:AssumeRole sts:TagSession sts:SetSourceIdentity"
)

func userARN(name string) string { return "arn:aws:iam::" + pooltest.Account + ":user/" + name }

func deniedTo(caller, action, role string) refusal {
	return refusal{403, "AccessDenied", "User: " + caller + " is not authorized to perform: " + action + " on resource: " + role}
}

// Who may assume a role: the trust policy and the caller's own policies together.
func TestAssumeRoleDecides(t *testing.T) {
	w := newWorld(t)
	may := letting("sts:AssumeRole", "*")
	alice, bob := w.user(t, "alice", may), w.user(t, "bob")
	carol := w.user(t, "carol", may, `{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"`+roleARN("ByAccount")+`"}`)
	byAccount := w.role(t, "ByAccount", trusting(root, both))
	byID := w.role(t, "ByID", trusting(pooltest.Account, both))
	byName := w.role(t, "ByName", trusting(userARN("bob"), both))
	external := w.role(t, "External", trusting(root, both, `"StringEquals":{"sts:ExternalId":"secret"}`))
	named := w.role(t, "Named", trusting(root, both, `"StringEquals":{"sts:RoleSessionName":"${aws:username}"}`))
	for _, row := range []struct {
		name   string
		who    session
		caller string
		role   string
		params []string
		want   bool
	}{
		{"the account is trusted, and the user's policy allows it", alice, "alice", byAccount, nil, true},
		{"the account's id likewise", alice, "alice", byID, nil, true},
		{"the account is trusted, and the user has no policy", bob, "bob", byAccount, nil, false},
		{"the user is trusted, and has no policy", bob, "bob", byName, nil, true},
		{"another user is trusted", alice, "alice", byName, nil, false},
		{"the user's policy denies it", carol, "carol", byAccount, nil, false},
		{"an external id", alice, "alice", external, []string{"ExternalId", "secret"}, true},
		{"another external id", alice, "alice", external, []string{"ExternalId", "other"}, false},
		{"no external id", alice, "alice", external, nil, false},
		{"the session must be called as the user, and is", alice, "alice", named, []string{"RoleSessionName", "alice"}, true},
		{"the session must be called as the user, and is not", alice, "alice", named, []string{"RoleSessionName", "bob"}, false},
		{"a role that is not there", alice, "alice", roleARN("Nobody"), nil, false},
		{"a role of an account that is not there", alice, "alice", "arn:aws:iam::111111111111:role/R", nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := w.assume(t, row.who, row.role, row.params...)
			if !row.want {
				deniedTo(userARN(row.caller), "sts:AssumeRole", row.role).check(t, r)
				return
			}
			r.Must(t)
			if got := w.arn(t, assumed(r)); got != r.Element("Arn") || !strings.HasPrefix(got, everyone) {
				t.Errorf("GetCallerIdentity says %s, AssumeRole %s", got, r.Element("Arn"))
			}
		})
	}
}

// A role of another account takes both sides' consent, whomever it names.
func TestAssumeRoleOfAnotherAccount(t *testing.T) {
	w := newWorld(t)
	theirs := w.node.NewAccount(t, account)
	there := "arn:aws:iam::" + account + ":role/There"
	trust := func(principal string) {
		t.Helper()
		r, body := w.node.Query(t, "2010-05-08", "UpdateAssumeRolePolicy", "RoleName", "There", "PolicyDocument", policyOf(trusting(principal, both)))
		w.node.Send(t, r, body, theirs, "", "iam").Must(t)
	}
	r, body := w.node.Query(t, "2010-05-08", "CreateRole", "RoleName", "There", "AssumeRolePolicyDocument", policyOf(trusting(root, both)))
	w.node.Send(t, r, body, theirs, "", "iam").Must(t)
	alice, bob := w.user(t, "alice", letting("sts:AssumeRole", there)), w.user(t, "bob")

	got := assumed(w.assume(t, alice, there).Must(t))
	if who := w.node.STS(t, got.key, got.token, "GetCallerIdentity").Must(t); who.Element("Account") != account ||
		who.Element("Arn") != "arn:aws:sts::"+account+":assumed-role/There/work" {
		t.Errorf("GetCallerIdentity says %s", who.Body)
	}
	deniedTo(userARN("bob"), "sts:AssumeRole", there).check(t, w.assume(t, bob, there))
	trust(userARN("bob"))
	deniedTo(userARN("bob"), "sts:AssumeRole", there).check(t, w.assume(t, bob, there)) // named, and still no policy of his own
	deniedTo(userARN("alice"), "sts:AssumeRole", there).check(t, w.assume(t, alice, there))
	trust(account)
	deniedTo(userARN("alice"), "sts:AssumeRole", there).check(t, w.assume(t, alice, there))
}

func TestAssumeRoleReply(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice", letting(both, "*"))
	role := w.role(t, "R", trusting(root, both))
	plain := w.assume(t, alice, role, "DurationSeconds", "900").Must(t)
	id := w.iam(t, "GetRole", "RoleName", "R").Element("RoleId")
	if plain.Element("AssumedRoleId") != id+":work" || plain.Element("Arn") != "arn:aws:sts::123456789012:assumed-role/R/work" ||
		plain.Element("Expiration") != w.node.Clock.Now().Add(15*time.Minute).UTC().Format(time.RFC3339) ||
		strings.Contains(string(plain.Body), "PackedPolicySize") || strings.Contains(string(plain.Body), "SourceIdentity") {
		t.Errorf("%s", plain.Body)
	}
	r := w.assume(t, alice, role, "SourceIdentity", "alice", "Tags.member.1.Key", "team", "Tags.member.1.Value", "ops").Must(t)
	if size := r.Element("PackedPolicySize"); r.Element("SourceIdentity") != "alice" || size == "" || len(size) > 2 {
		t.Errorf("%s", r.Body)
	}
}

func TestAssumeRoleRefusals(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice", letting("sts:AssumeRole", "*"))
	role := w.role(t, "R", trusting(root, both))
	tags := func(pairs ...string) (params []string) {
		for i := 0; i < len(pairs); i += 2 {
			n := fmt.Sprintf("Tags.member.%d.", i/2+1)
			params = append(params, n+"Key", pairs[i], n+"Value", pairs[i+1])
		}
		return params
	}
	parameter := func(text string) refusal { return refusal{400, "InvalidParameterValue", text} }
	var wide []string
	for i := range 12 {
		wide = append(wide, fmt.Sprint("key", i), strings.Repeat("v", 250))
	}
	may := w.user(t, "may", letting(both, "*"))
	for _, row := range []struct {
		name   string
		who    session
		params []string
		want   refusal
	}{
		{"the root", session{key: w.node.Root}, nil, refusal{403, "AccessDenied", "Roles may not be assumed by root accounts."}},
		{"tags that the caller may not set", alice, tags("team", "ops"), deniedTo(userARN("alice"), "sts:TagSession", role)},
		{"a source identity that the caller may not set", alice, []string{"SourceIdentity", "alice"}, deniedTo(userARN("alice"), "sts:SetSourceIdentity", role)},
		{"a device's code", alice, []string{"SerialNumber", "arn:aws:iam::123456789012:mfa/alice", "TokenCode", "123456"}, refusal{403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."}},
		{"a provided context", alice, []string{"ProvidedContexts.member.1.ProviderArn", "arn:aws:iam::aws:contextProvider/x"}, invalid("ProvidedContexts: this server has no context providers.")},
		{"a tag twice", may, tags("team", "ops", "Team", "dev"), parameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")},
		{"a reserved tag", may, tags("aws:team", "ops"), parameter("Session tags whose keys begin with aws: are reserved.")},
		{"a transitive key without a tag", may, append(tags("team", "ops"), "TransitiveTagKeys.member.1", "level"), parameter("The specified transitive tag key must be included in the requested tags.")},
		{"tags that cannot be packed", may, tags(wide...), refusal{400, "PackedPolicyTooLarge", "Packed size of session tags consumes 105% of allotted space."}},
		{"longer than the role allows", alice, []string{"DurationSeconds", "7201"}, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")},
		{"a session policy that is none", alice, []string{"Policy", "{}"}, refusal{400, "MalformedPolicyDocument", "Statement: Syntax errors in policy: a policy needs at least one statement"}},
		{"a managed policy that is not there", alice, []string{"PolicyArns.member.1.arn", "arn:aws:iam::123456789012:policy/Gone"}, invalid("PolicyArns: the account has no managed policy arn:aws:iam::123456789012:policy/Gone")},
		{"a tag without a key", may, []string{"Tags.member.1.Value", "x"}, constraint("Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null")},
		{"an external id with a space", alice, []string{"ExternalId", "a b"}, constraint(`Value 'a b' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`)},
		{"a source identity that is too short", alice, []string{"SourceIdentity", "a"}, constraint("Value 'a' at 'sourceIdentity' failed to satisfy constraint: Member must have length greater than or equal to 2")},
		{"a role that is none", alice, []string{"RoleArn", "arn:aws:iam::123456789012:user/x"}, invalid("arn:aws:iam::123456789012:user/x is invalid")},
		{"nobody", session{}, nil, refusal{403, "MissingAuthenticationToken", "Missing Authentication Token"}},
	} {
		t.Run(row.name, func(t *testing.T) { row.want.check(t, w.assume(t, row.who, role, row.params...)) })
	}
	t.Run("operations that are not built", func(t *testing.T) {
		for _, action := range []string{"GetFederationToken", "DecodeAuthorizationMessage", "AssumeRoot"} {
			if r := w.node.STS(t, alice.key, "", action); r.Status/100 != 4 || r.Code() != "InvalidAction" {
				t.Errorf("%s: %d %s", action, r.Status, r.Body)
			}
		}
	})
}

// A chain: user, role, role, and what goes along.
func TestAssumeRoleChain(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice", letting(both, "*"))
	ops := letting("iam:ListRoles", "*", `"StringEquals":{"aws:PrincipalTag/team":"ops","aws:SourceIdentity":"alice"}`)
	first := w.role(t, "First", trusting(root, both), letting(both, "*"), ops)
	second := w.role(t, "Second", trusting(first, both), letting(both, "*"), ops)
	onlyTeam := `"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`
	third := w.role(t, "Third", trusting(everyone+"Second/work", both, onlyTeam), letting("iam:ListRoles", "*", `"Null":{"aws:PrincipalTag/level":"true"}`, `"StringEquals":{"aws:PrincipalTag/team":"ops"}`))
	untagged := w.role(t, "Untagged", trusting(first, "sts:AssumeRole"))

	one := assumed(w.assume(t, alice, first, "SourceIdentity", "alice", "Tags.member.1.Key", "team", "Tags.member.1.Value", "ops",
		"Tags.member.2.Key", "level", "Tags.member.2.Value", "9", "TransitiveTagKeys.member.1", "Team").Must(t))
	w.list(t, one, true)
	r := w.assume(t, one, second).Must(t)
	if r.Element("SourceIdentity") != "alice" || r.Element("PackedPolicySize") == "" {
		t.Errorf("%s", r.Body)
	}
	two := assumed(r)
	w.list(t, two, true)
	three := assumed(w.assume(t, two, third).Must(t))
	w.list(t, three, true)
	for name, who := range map[string]session{"First": one, "Second": two, "Third": three} {
		if got := w.arn(t, who); got != everyone+name+"/work" {
			t.Errorf("%s is %s", name, got)
		}
	}

	chained := everyone + "First/work"
	const conflict = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
	refusal{400, "InvalidParameterValue", conflict}.check(t, w.assume(t, one, second, "Tags.member.1.Key", "TEAM", "Tags.member.1.Value", "dev"))
	invalid("The source identity is already set for this assume role session").check(t, w.assume(t, one, second, "SourceIdentity", "bob"))
	w.assume(t, one, second, "SourceIdentity", "alice").Must(t)
	deniedTo(chained, "sts:TagSession", untagged).check(t, w.assume(t, one, untagged))
	deniedTo(everyone+"Second/work", "sts:AssumeRole", third).check(t, w.assume(t, two, third, "Tags.member.1.Key", "level", "Tags.member.1.Value", "9"))
	invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.").
		check(t, w.assume(t, one, second, "DurationSeconds", "3601"))
	w.assume(t, alice, first, "DurationSeconds", "7200").Must(t)
}

// Session policies leave of what the role may do what they allow too, and of a chain's what each allows.
func TestAssumeRoleNarrowed(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice", letting(both, "*"))
	role := w.role(t, "R", trusting(root, both), letting("iam:ListRoles sts:AssumeRole", "*"))
	managed := w.iam(t, "CreatePolicy", "PolicyName", "Get", "PolicyDocument", policyOf(letting("iam:GetRole", "*"))).Element("Arn")
	w.list(t, assumed(w.assume(t, alice, role).Must(t)), true)
	w.list(t, assumed(w.assume(t, alice, role, "Policy", policyOf(letting("iam:List*", "*"))).Must(t)), true)
	w.list(t, assumed(w.assume(t, alice, role, "Policy", policyOf(letting("iam:GetRole", "*"))).Must(t)), false)
	w.list(t, assumed(w.assume(t, alice, role, "PolicyArns.member.1.arn", managed).Must(t)), false)

	narrow := assumed(w.assume(t, alice, role, "Policy", policyOf(letting("iam:*", "*"))).Must(t))
	deniedTo(everyone+"R/work", "sts:AssumeRole", role).check(t, w.assume(t, narrow, role))
}

// What happens to the role acts on sessions by AssumeRole too.
func TestAssumedSessionEnds(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice", letting(both, "*"))
	s := assumed(w.assume(t, alice, w.role(t, "R", trusting(root, both))).Must(t))
	w.arn(t, s)
	w.iam(t, "DeleteRole", "RoleName", "R")
	unknownKey.check(t, w.node.STS(t, s.key, s.token, "GetCallerIdentity"))
	again := assumed(w.assume(t, alice, w.role(t, "R", trusting(root, both))).Must(t))
	w.node.Clock.Advance(time.Hour)
	expiredKey.check(t, w.node.STS(t, again.key, again.token, "GetCallerIdentity"))
}
