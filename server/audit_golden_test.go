package server_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/iam"
	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

var update = flag.Bool("update", false, "rewrite the events in testdata")

// audited is a node whose audit events a test reads.
type audited struct {
	*pooltest.Node
	path string
}

func startAudited(t *testing.T) *audited {
	t.Helper()
	a := &audited{path: filepath.Join(t.TempDir(), "audit.log")}
	a.Node = pooltest.Start(t, func(c *server.Config) {
		c.AuditLog, c.SigningAlgorithm = a.path, "ES256" // whose keys are made at once
	})
	return a
}

// lines are the events in a file, after the node that wrote it was stopped.
func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// goldenCall is a call whose event stands in testdata/audit.txt under its title.
type goldenCall struct {
	title string
	call  func() *pooltest.Reply
	code  string // of the reply
}

// goldenCast is who and what the golden calls are about.
type goldenCast struct {
	*audited
	idp                    *pooltest.Provider
	pool, id, guest, token string
	logins                 pooltest.Object
}

func raise(t *testing.T) *goldenCast {
	t.Helper()
	c := &goldenCast{audited: startAudited(t), idp: pooltest.NewProvider(t)}
	c.idp.Now = c.Clock.Now
	c.pool = c.Pool(t, c.idp)
	c.logins = pooltest.Object{c.idp.Name(): c.idp.Token("app", "alice")}
	c.id = c.Public(t, "GetId", pooltest.Object{"IdentityPoolId": c.pool, "Logins": c.logins}).Must(t).Object(t)["IdentityId"].(string)
	c.token = c.Public(t, "GetOpenIdToken", pooltest.Object{"IdentityId": c.id, "Logins": c.logins}).Must(t).Object(t)["Token"].(string)
	c.guest = c.Public(t, "GetId", pooltest.Object{"IdentityPoolId": c.pool}).Must(t).Object(t)["IdentityId"].(string)
	return c
}

// calls are made in this order.
func (c *goldenCast) calls(t *testing.T) []goldenCall {
	public := func(operation string, in pooltest.Object) func() *pooltest.Reply {
		return func() *pooltest.Reply {
			r, _ := c.JSON(t, "AWSCognitoIdentityService."+operation, in)
			r.Header.Set("User-Agent", "aws-sdk-js/3")
			return c.Do(t, r)
		}
	}
	named := pooltest.Object{"IdentityId": c.id, "Logins": c.logins}
	assume := func(role string) func() *pooltest.Reply {
		return func() *pooltest.Reply {
			return c.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity",
				"RoleArn", "arn:aws:iam::"+pooltest.Account+":role/"+role, "RoleSessionName", "web", "WebIdentityToken", c.token)
		}
	}
	var session pooltest.Object
	return []goldenCall{
		{"GetId of a guest", public("GetId", pooltest.Object{"IdentityPoolId": c.pool}), ""},
		{"GetId with a bad token", public("GetId", pooltest.Object{"IdentityPoolId": c.pool, "Logins": pooltest.Object{c.idp.Name(): "a.b.c"}}), "NotAuthorizedException"},
		{"GetId of an unknown pool", public("GetId", pooltest.Object{"IdentityPoolId": "eu-west-1:00000000-0000-4000-8000-000000000000"}), "ResourceNotFoundException"},
		{"GetId that is not valid", public("GetId", pooltest.Object{"IdentityPoolId": "x"}), "ValidationException"},
		{"GetOpenIdToken", public("GetOpenIdToken", named), ""},
		{"GetCredentialsForIdentity", func() *pooltest.Reply {
			reply := public("GetCredentialsForIdentity", named)()
			session = reply.Object(t)["Credentials"].(pooltest.Object)
			return reply
		}, ""},
		{"a session that may not", func() *pooltest.Reply {
			r, body := c.JSON(t, "AWSCognitoIdentityService.DeleteIdentityPool", pooltest.Object{"IdentityPoolId": c.pool})
			key := wire.Key{Secret: session["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: session["AccessKeyId"].(string)}}
			return c.Send(t, r, body, key, session["SessionToken"].(string), "cognito-identity")
		}, "AccessDeniedException"},
		{"AssumeRoleWithWebIdentity", assume("Auth"), ""},
		{"AssumeRoleWithWebIdentity, refused by the trust policy", assume("Guest"), "AccessDenied"},
		{"CreateIdentityPool by the root", func() *pooltest.Reply {
			return c.Signed(t, "CreateIdentityPool", pooltest.Object{"IdentityPoolName": "new", "AllowUnauthenticatedIdentities": false})
		}, ""},
		{"an IAM call with an error", func() *pooltest.Reply { return c.IAM(t, "GetRole", "RoleName", "Nobody") }, "NoSuchEntity"},
		{"a policy", func() *pooltest.Reply {
			return c.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Guest", "PolicyDocument", pooltest.TrustPolicy("us-east-1:other", "unauthenticated"))
		}, ""},
		{"GetCredentialsForIdentity, refused by the trust policy", public("GetCredentialsForIdentity", pooltest.Object{"IdentityId": c.guest}), "InvalidIdentityPoolConfigurationException"},
	}
}

// TestAuditGolden holds the events of some calls, word for word. What differs from run to run stands as {name}.
func TestAuditGolden(t *testing.T) {
	c := raise(t)
	calls := c.calls(t)
	var requests []string
	for _, call := range calls {
		reply := call.call()
		if reply.Code() != call.code {
			t.Errorf("%s: %d %s", call.title, reply.Status, reply.Body)
		}
		requests = append(requests, reply.Header.Get("X-Amzn-Requestid"))
	}
	c.Stop()
	// The last are those of the calls, in their order.
	events := lines(t, c.path)
	events = events[max(0, len(events)-len(calls)):]
	names := strings.NewReplacer(
		c.Clock.Now().UTC().Format("2006-01-02T15:04:05Z"), "{now}", c.Clock.Now().Add(time.Hour).UTC().Format("Jan 2, 2006 3:04:05 PM"), "{in an hour}",
		c.pool, "{pool}", c.id, "{identity}", c.guest, "{guest}", c.idp.Name(), "{idp}",
	)
	var got strings.Builder
	for i, call := range calls {
		if !strings.Contains(events[i], `"requestID":"`+requests[i]+`"`) {
			t.Errorf("%s has not the request id %s: %s", call.title, requests[i], events[i])
		}
		fmt.Fprintf(&got, "-- %s --\n%s\n", call.title, blank(names.Replace(events[i])))
	}
	compareGolden(t, filepath.Join("testdata", "audit.txt"), got.String())
}

var varying = []struct {
	form *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`("requestID"):"[0-9a-f-]{36}"`), `$1:"{request}"`},
	{regexp.MustCompile(`("eventID"):"[0-9a-f-]{36}"`), `$1:"{event}"`},
	{regexp.MustCompile(`us-east-1:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}`), `{new}`},
	{regexp.MustCompile(`\bASIA[A-Z2-7]{16}\b`), `{key}`},
	{regexp.MustCompile(`\bAROA[A-Z2-7]{17}\b`), `{role}`},
}

func blank(event string) string {
	for _, v := range varying {
		event = v.form.ReplaceAllString(event, v.name)
	}
	return event
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What reaches no operation makes no event: it is in the log alone. idpool's own operations make one.
func TestAuditOfKeys(t *testing.T) {
	node := startAudited(t)
	stranger := wire.Key{Secret: "secret", Caller: iam.Root(pooltest.Account, "AKIANOBODYKNOWSTHIS0")}
	liar := wire.Key{Secret: "secret", Caller: node.Root.Caller}
	for _, key := range []wire.Key{stranger, liar} {
		if reply := node.SignedAs(t, key, pooltest.Region, "ListIdentityPools", pooltest.Object{"MaxResults": 1}); reply.Status == http.StatusOK {
			t.Fatalf("%s", reply.Body)
		}
	}
	node.Public(t, "GetEverything", pooltest.Object{})
	node.Public(t, "ListIdentityPools", pooltest.Object{"MaxResults": 1})
	node.STS(t, wire.Key{}, "", "GetEverything")
	made := node.NewAccount(t, "222222222222")
	node.Stop()
	events := lines(t, node.path)
	if len(events) != 1 || !strings.Contains(events[0], `"eventSource":"idpool","eventName":"CreateAccount"`) {
		t.Errorf("events:\n%s", strings.Join(events, "\n"))
	}
	if strings.Contains(events[0], made.Secret) || !strings.Contains(events[0], `"responseElements":{"accessKeyId":"`+made.Caller.AccessKeyID+`","accountId":"222222222222"}`) {
		t.Errorf("event: %s", events[0])
	}
}
