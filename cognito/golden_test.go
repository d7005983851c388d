package cognito_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"idpool/cognito"
	"idpool/identity"
	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

var update = flag.Bool("update", false, "rewrite the replies in testdata")

// A transcript is testdata/OPERATION.txtar: cases in the order in which they are played, all on one node, on which the cast
// stands ready. A case:
//
//	-- what the case shows --
//	from: aws
//	signed by root: DescribeIdentityPool {"IdentityPoolId":"{pool}"}
//
//	400
//	content-type: application/x-amz-json-1.1
//	x-amzn-errortype: ResourceNotFoundException:
//
//	{"__type":"ResourceNotFoundException", ...}
//
// It comes from aws (a published capture), docs (documented, though the words may be ours) or choice (ours). A call can also
// be "not signed", or "signed by root in eu-west-1". What differs from run to run stands as {name}, in requests and replies:
// ids that nobody has named are {id 1}, {id 2} and so on; times are {now} or {now-3600}; secrets, tokens and access key ids
// have the value that was answered last.
type play struct {
	*pooltest.Node
	providers map[string]*pooltest.Provider
	names     map[string]string
	unnamed   map[string]string // ids that the cast has no name for
	signers   map[string]session
}

// scene is one case of a transcript.
type scene struct {
	title, from, request, reply string
}

func TestGolden(t *testing.T) {
	t.Parallel()
	providers := map[string]*pooltest.Provider{}
	for _, name := range []string{"idp", "idp2", "down", "stranger"} {
		providers[name] = pooltest.NewProvider(t)
	}
	providers["down"].Down.Store(true)
	for _, op := range (&cognito.Service{}).Operations() {
		t.Run(op.Name, func(t *testing.T) {
			path := filepath.Join("testdata", op.Name+".txtar")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			comment, scenes := parseTranscript(t, string(text))
			p := raise(t, providers)
			if strings.Contains(string(text), "crowded") {
				p.crowd(t)
			}
			good := false
			for i := range scenes {
				s := &scenes[i]
				t.Run(s.title, func(t *testing.T) {
					reply := p.perform(t, s)
					good = good || strings.Contains(s.request, op.Name+" ") && strings.HasPrefix(reply, "200\n")
					if *update {
						s.reply = reply
						return
					}
					if diff := gocmp.Diff(s.reply, reply); diff != "" {
						t.Errorf("%s\nreply (-want +got):\n%s", s.request, diff)
					}
				})
			}
			if !good {
				t.Errorf("no case shows a success of %s", op.Name)
			}
			if *update {
				if err := os.WriteFile(path, []byte(formatTranscript(comment, scenes)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// No transcript is left of an operation that is gone.
func TestGoldenFiles(t *testing.T) {
	var want []string
	for _, op := range (&cognito.Service{}).Operations() {
		want = append(want, filepath.Join("testdata", op.Name+".txtar"))
	}
	got, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("testdata (-want +got):\n%s", diff)
	}
}

// Every error that the API's model lists for an operation stands in its transcript, but for those that nothing causes here.
func TestGoldenErrors(t *testing.T) {
	t.Parallel()
	never := map[string][]string{ // what the model lists, and no case here can bring about
		"":                            {"InternalErrorException", "TooManyRequestsException"}, // no input of any operation; e2e/errors_test.go causes both
		"CreateIdentityPool":          {"NotAuthorizedException"},
		"DeleteIdentities":            {"InvalidParameterException"},
		"DeleteIdentityPool":          {"InvalidParameterException", "NotAuthorizedException"},
		"DescribeIdentity":            {"InvalidParameterException", "NotAuthorizedException"},
		"DescribeIdentityPool":        {"InvalidParameterException", "NotAuthorizedException"},
		"GetIdentityPoolRoles":        {"InvalidParameterException", "NotAuthorizedException", "ResourceConflictException"},
		"GetPrincipalTagAttributeMap": {"InvalidParameterException", "NotAuthorizedException"},
		"ListIdentities":              {"NotAuthorizedException"},
		"ListIdentityPools":           {"NotAuthorizedException", "ResourceNotFoundException"},
		"ListTagsForResource":         {"NotAuthorizedException"},
		"LookupDeveloperIdentity":     {"NotAuthorizedException"},
		"MergeDeveloperIdentities":    {"NotAuthorizedException"},
		"SetIdentityPoolRoles":        {"ConcurrentModificationException", "ResourceConflictException"},
		"SetPrincipalTagAttributeMap": {"NotAuthorizedException"},
		"TagResource":                 {"NotAuthorizedException"},
		"UnlinkDeveloperIdentity":     {"NotAuthorizedException"},
		"UnlinkIdentity":              {"ResourceConflictException"},
		"UntagResource":               {"NotAuthorizedException"},
		"UpdateIdentityPool":          {"ConcurrentModificationException", "NotAuthorizedException", "ResourceConflictException"},
	}
	for operation, o := range readModel(t).Operations {
		text, err := os.ReadFile(filepath.Join("testdata", operation+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		_, scenes := parseTranscript(t, string(text))
		for _, code := range o.Errors {
			shown := slices.ContainsFunc(scenes, func(s scene) bool {
				return strings.Contains(s.request, ": "+operation+" ") && strings.Contains(s.reply, "x-amzn-errortype: "+code+":")
			})
			if hopeless := slices.Contains(never[operation], code) || slices.Contains(never[""], code); shown == hopeless {
				t.Errorf("%s: %s is shown: %v, can be caused: %v", operation, code, shown, !hopeless)
			}
		}
	}
}

var titleLine = regexp.MustCompile(`(?m)^-- (.*) --\n`)

// parseTranscript reads a txtar archive whose files are cases.
func parseTranscript(t *testing.T, text string) (comment string, scenes []scene) {
	t.Helper()
	at := titleLine.FindAllStringSubmatchIndex(text, -1)
	if len(at) == 0 {
		t.Fatal("no case")
	}
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		s := scene{title: text[m[2]:m[3]]}
		head, reply, _ := strings.Cut(text[m[1]:end], "\n\n")
		s.from, s.request, _ = strings.Cut(strings.TrimSuffix(head, "\n"), "\n")
		s.reply = reply
		if !slices.Contains([]string{"from: aws", "from: docs", "from: choice"}, s.from) || strings.Contains(s.request, "\n") {
			t.Fatalf("%s: a case begins with where it comes from, and a line for the request", s.title)
		}
		scenes = append(scenes, s)
	}
	return text[:at[0][0]], scenes
}

func formatTranscript(comment string, scenes []scene) string {
	var b strings.Builder
	b.WriteString(comment)
	for _, s := range scenes {
		fmt.Fprintf(&b, "-- %s --\n%s\n%s\n\n%s", s.title, s.from, s.request, s.reply)
	}
	return b.String()
}

// raise makes the cast of a transcript:
//
//	us                  this node, host and port
//	idp, idp2, down     registered providers; nobody can reach the last
//	stranger            a provider that nobody has registered
//	pool                takes guests and logins of idp, idp2 and down; has the roles Auth and Guest; login.example is its developer
//	closed              takes logins of idp, no guests, no classic flow; has no roles
//	bare                takes guests only
//	mapped              takes logins of idp, whose roles go by rules, and denies what they do not decide
//	alice, guest        identities of pool; alice has a login of idp
//	loser               an identity of pool that alice's has taken in
//	pool elsewhere      of the same account in another region; its identity is guest elsewhere
//	pool of another     of another account; its identity is guest of another
//	crowded             an identity of pool with as many logins as it may have: crowded at idp, and the developer's crowded 1 to
//	                    crowded 19; only where the transcript speaks of it
//	crowd               in eu-west-3, with two guests whose ids have no names; eu-west-2 has two pools without names
func raise(t *testing.T, providers map[string]*pooltest.Provider) *play {
	t.Helper()
	f := &front{Node: pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm = "ES256" }), idp: providers["idp"]}
	p := &play{Node: f.Node, providers: providers, names: map[string]string{"us": strings.TrimPrefix(f.URL, "http://")}, unnamed: map[string]string{}}
	for name, provider := range providers {
		provider.Now = f.Clock.Now
		p.names[name], p.names["token of alice at "+name] = provider.Name(), provider.Token("app", "alice")
	}
	f.pool = f.Pool(t, f.idp)
	idp := f.idp.ARN(pooltest.Account)
	arns := []string{idp}
	for _, name := range []string{"idp2", "down"} {
		f.IAM(t, "CreateOpenIDConnectProvider", "Url", providers[name].URL, "ClientIDList.member.1", "app").Must(t)
		arns = append(arns, providers[name].ARN(pooltest.Account))
	}
	f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": arns, "DeveloperProviderName": "login.example"})
	p.names["pool"] = f.pool
	p.names["closed"] = f.create(t, pooltest.Object{"OpenIdConnectProviderARNs": []string{idp}, "AllowClassicFlow": false})
	p.names["bare"] = f.create(t, pooltest.Object{"AllowUnauthenticatedIdentities": true})
	p.names["mapped"] = f.create(t, pooltest.Object{"OpenIdConnectProviderARNs": []string{idp}})
	f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{
		"IdentityPoolId": p.names["mapped"], "Roles": pooltest.Object{"authenticated": roleARN("Auth")},
		"RoleMappings": pooltest.Object{idp: pooltest.Object{
			"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": pooltest.Object{
				"Rules": []pooltest.Object{{"Claim": "team", "MatchType": "Equals", "Value": "ops", "RoleARN": roleARN("Auth")}},
			},
		}},
	}).Must(t)

	p.names["alice"], p.names["guest"], p.names["loser"] = f.getID(t, f.logins("alice")), f.getID(t, nil), f.getID(t, nil)
	f.as(t, "GetCredentialsForIdentity", p.names["loser"], f.logins("alice")).Must(t)
	p.names["token of bob"] = f.idp.Token("app", "bob")
	p.names["expired token"] = f.idp.Sign(pooltest.Object{"iss": f.idp.URL, "aud": "app", "sub": "alice", "exp": f.Clock.Now().Unix() - 3600})
	p.names["forged token"] = providers["stranger"].Sign(f.idp.Claims("app", "alice"))
	p.names["token for another app"] = f.idp.Token("another", "alice")

	root := session{key: f.Root}
	another := session{key: f.NewAccount(t, other)}
	guest := credentials(t, f.as(t, "GetCredentialsForIdentity", p.names["guest"], nil))
	p.signers = map[string]session{
		"root": root, "another account": another, "a session": guest, "a stranger": {key: wire.Key{Secret: "s", Caller: wire.Caller{AccessKeyID: "AKIASTRANGER00000000"}}},
	}
	pool := func(s session, region string) string {
		in := pooltest.Object{"IdentityPoolName": "test", "AllowUnauthenticatedIdentities": true}
		f.pool = f.signedBy(t, s, region, "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"].(string)
		return f.pool
	}
	p.names["pool elsewhere"], p.names["guest elsewhere"] = pool(root, "eu-west-1"), f.getID(t, nil)
	p.names["pool of another"], p.names["guest of another"] = pool(another, pooltest.Region), f.getID(t, nil)
	p.names["crowd"] = pool(root, "eu-west-3")
	for range 2 {
		pool(root, "eu-west-2")
		f.pool = p.names["crowd"]
		f.getID(t, nil)
	}
	f.Clock.Advance(time.Second)
	return p
}

// crowd adds the identity crowded to the cast.
func (p *play) crowd(t *testing.T) {
	t.Helper()
	f := &front{Node: p.Node, pool: p.names["pool"]}
	token := p.providers["idp"].Token("app", "crowded")
	p.names["token of crowded"] = token
	p.names["crowded"] = f.getID(t, pooltest.Object{p.names["idp"]: token})
	for i := range identity.MaxLinked - 1 {
		f.Signed(t, "GetOpenIdTokenForDeveloperIdentity", pooltest.Object{
			"IdentityPoolId": f.pool, "Logins": pooltest.Object{"login.example": fmt.Sprint("crowded ", i+1), p.names["idp"]: token},
		}).Must(t)
	}
}

var (
	placeholder = regexp.MustCompile(`\{[a-zA-Z][a-zA-Z0-9 ]*\}`)
	requestLine = regexp.MustCompile(`^(not signed|signed by (.+?)(?: in ([a-z0-9-]+))?): (\w+) (.*)$`)
)

// perform plays a case, and writes the reply as the transcript has it.
func (p *play) perform(t *testing.T, s *scene) string {
	t.Helper()
	m := requestLine.FindStringSubmatch(s.request)
	if m == nil {
		t.Fatalf("no request: %s", s.request)
	}
	body := placeholder.ReplaceAllStringFunc(m[5], func(name string) string {
		value, ok := p.names[strings.Trim(name, "{}")]
		if !ok {
			t.Fatalf("the cast has no %s", name)
		}
		return value
	})
	r, raw := p.JSON(t, "AWSCognitoIdentityService."+m[4], body)
	if m[1] == "not signed" {
		return p.write(p.Do(t, r))
	}
	signer, ok := p.signers[m[2]]
	if !ok {
		t.Fatalf("nobody signs as %s", m[2])
	}
	if signer.token != "" {
		r.Header.Set("X-Amz-Security-Token", signer.token)
	}
	wire.Sign(r, raw, signer.key, cmp.Or(m[3], pooltest.Region), "cognito-identity", p.Clock.Now())
	return p.write(p.Do(t, r))
}

func (p *play) write(r *pooltest.Reply) string {
	var b strings.Builder
	body := p.capture(string(r.Body))
	fmt.Fprintln(&b, r.Status)
	for _, name := range []string{"content-type", "x-amzn-errortype", "x-amzn-errormessage"} {
		if value := r.Header.Get(name); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, p.capture(value))
		}
	}
	b.WriteString("\n")
	if body != "" {
		b.WriteString(body + "\n")
	}
	return b.String()
}

var (
	secrets = regexp.MustCompile(`"(AccessKeyId|SecretKey|SessionToken|Token|NextToken)":"([^"]+)"`)
	idForm  = regexp.MustCompile(`[a-z0-9-]+:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	seconds = regexp.MustCompile(`\b1[0-9]{9}\b`)
)

// capture puts names in the place of what differs from run to run.
func (p *play) capture(text string) string {
	text = secrets.ReplaceAllStringFunc(text, func(member string) string {
		m := secrets.FindStringSubmatch(member)
		p.names[m[1]] = m[2]
		return fmt.Sprintf(`"%s":"{%[1]s}"`, m[1])
	})
	for _, name := range p.longestFirst() {
		text = strings.ReplaceAll(text, p.names[name], "{"+name+"}")
	}
	text = idForm.ReplaceAllStringFunc(text, func(id string) string {
		if strings.Contains(id, ":00000000-") {
			return id // the transcript's own
		}
		name, ok := p.unnamed[id]
		if !ok {
			name = fmt.Sprint("id ", len(p.unnamed)+1)
			p.unnamed[id], p.names[name] = name, id
		}
		return "{" + name + "}"
	})
	now := p.Clock.Now().Unix()
	return seconds.ReplaceAllStringFunc(text, func(digits string) string {
		n, _ := strconv.ParseInt(digits, 10, 64)
		if n == now {
			return "{now}"
		}
		return fmt.Sprintf("{now%+d}", n-now)
	})
}

// longestFirst lists the names so that no value stands inside one that comes later.
func (p *play) longestFirst() []string {
	return slices.SortedFunc(maps.Keys(p.names), func(a, b string) int {
		if n := len(p.names[b]) - len(p.names[a]); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
}
