package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/smithy-go"
)

// failure is a call that is refused, and how a program learns of it.
type failure struct {
	Exception smithy.APIError `json:"-"` // a pointer to the Go SDK's type
	Operation string          `json:"operation"`
	Input     input           `json:"input"`
}

func (f *failure) name() string { return reflect.TypeOf(f.Exception).Elem().Name() }

func (f *failure) status() int {
	if f.Exception.ErrorFault() == smithy.FaultServer {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// TestErrors causes every exception that the SDKs know of. Each arrives as its own type, in Go and in JavaScript.
func TestErrors(t *testing.T) { // not beside other tests: strace makes the node slow
	n := startNode(t)
	guests := setUpForGuests(t, n)
	x := &exceptions{caused: make(map[string]bool)}
	x.check(t, n, refusals(t, n, guests)...)

	broken := breakDisk(t, n)
	x.check(t, n, failure{new(types.InternalErrorException), "GetId", input{"IdentityPoolId": guests}})
	broken.heal(t)

	slow := spoilDisk(t, n, "delay_enter=60s", "sync(")
	wait := comeAtOnce(t, n, guests)
	x.check(t, n, failure{new(types.TooManyRequestsException), "GetId", input{"IdentityPoolId": guests}})
	slow.heal(t)
	wait()

	fake := startRenaming(t, n, "ResourceNotFoundException", "ConcurrentModificationException")
	x.check(t, fake, failure{
		new(types.ConcurrentModificationException), "SetIdentityPoolRoles", input{"IdentityPoolId": nobody, "Roles": input{}},
	})
	if missing := notIn(set(x.known), slices.Collect(maps.Keys(x.caused))); len(missing) > 0 {
		t.Errorf("the SDK for JavaScript knows of exceptions that nothing here causes: %q", missing)
	}
}

// nobody is an id of no pool and no identity.
const nobody = region + ":00000000-0000-4000-8000-000000000000"

// refusals are what a healthy node refuses.
func refusals(t testing.TB, n *node, guests string) []failure {
	t.Helper()
	p := startOIDCProvider(t)
	provider := register(t, n, p)
	token := p.signIn(t, appClient, p.user)
	p.kill() // before anybody has asked for its keys
	people := createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("people"), DeveloperProviderName: aws.String(developer), OpenIdConnectProviderARNs: []string{provider},
	})
	guest := getID(t, n, guests, nil)
	customers := map[string]string{"ann": "", "bob": ""}
	for name := range customers {
		out, err := n.identities().GetOpenIdTokenForDeveloperIdentity(t.Context(), &cognitoidentity.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &people, Logins: map[string]string{developer: name},
		})
		if err != nil {
			t.Fatal(err)
		}
		customers[name] = *out.IdentityId
	}
	var many []string // more than the 50 that the original has as its limit
	for i := range 51 {
		many = append(many, provider+"/"+strconv.Itoa(i))
	}
	return []failure{
		// No guests here; only ann's shop may say who she is; a pool without roles; a provider that is down.
		{new(types.NotAuthorizedException), "GetId", input{"IdentityPoolId": people}},
		{new(types.InvalidParameterException), "GetId", input{"IdentityPoolId": people, "Logins": input{developer: "ann"}}},
		{new(types.InvalidIdentityPoolConfigurationException), "GetCredentialsForIdentity", input{"IdentityId": guest}},
		{new(types.ExternalServiceException), "GetId", input{"IdentityPoolId": people, "Logins": login(p, token)}},
		{new(types.ResourceNotFoundException), "DescribeIdentityPool", input{"IdentityPoolId": nobody}},
		{new(types.LimitExceededException), "CreateIdentityPool", input{
			"IdentityPoolName": "many", "AllowUnauthenticatedIdentities": false, "OpenIdConnectProviderARNs": many,
		}},
		// bob is not ann.
		{new(types.ResourceConflictException), "LookupDeveloperIdentity", input{
			"IdentityPoolId": people, "IdentityId": customers["bob"], "DeveloperUserIdentifier": "ann",
		}},
		{new(types.DeveloperUserAlreadyRegisteredException), "GetOpenIdTokenForDeveloperIdentity", input{
			"IdentityPoolId": people, "IdentityId": customers["bob"], "Logins": input{developer: "ann"},
		}},
	}
}

// comeAtOnce has more guests come to a node that cannot store them now than it lets wait, and returns once it has sent one
// away. The function that it returns waits for the others: when the node is well again each has an identity, or was sent away.
func comeAtOnce(t testing.TB, n *node, guests string) (wait func()) {
	t.Helper()
	const guestsAtOnce = 1024
	client := n.identities(func(o *cognitoidentity.Options) { o.Retryer = aws.NopRetryer{} })
	answers := make(chan error, guestsAtOnce)
	for range guestsAtOnce {
		go func() {
			_, err := client.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &guests})
			answers <- err
		}()
	}
	letIn := 0
	check := func() {
		t.Helper()
		select {
		case err := <-answers:
			if err == nil {
				letIn++
			}
			if sentAway := new(types.TooManyRequestsException); err != nil && !errors.As(err, &sentAway) {
				t.Errorf("one of %d guests: %v", guestsAtOnce, err)
			}
		case <-time.After(patience):
			t.Fatalf("%d guests came at once, and none is answered", guestsAtOnce)
		}
	}
	check()
	return func() {
		for range guestsAtOnce - 1 {
			check()
		}
		if letIn == 0 {
			t.Errorf("of %d guests none was let in", guestsAtOnce)
		}
	}
}

// startRenaming is a fake: a proxy that gives an error of the node's another name. For ConcurrentModificationException there
// is nothing real: a change that meets another is done again by the server, and nobody hears of it. So what is shown is that
// the form of our errors would carry it.
func startRenaming(t testing.TB, n *node, name, other string) *node {
	t.Helper()
	target, err := url.Parse(n.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ModifyResponse: func(reply *http.Response) error {
			body, err := io.ReadAll(reply.Body)
			if err != nil {
				return err
			}
			body = bytes.ReplaceAll(body, []byte(name), []byte(other))
			reply.Body = io.NopCloser(bytes.NewReader(body))
			reply.Header.Set("Content-Length", strconv.Itoa(len(body)))
			reply.Header.Set("X-Amzn-Errortype", strings.Replace(reply.Header.Get("X-Amzn-Errortype"), name, other, 1))
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	return &node{process: n.process, url: proxy.URL, root: n.root}
}

// exceptions are those that the SDK for JavaScript knows, and those that were caused.
type exceptions struct {
	known  []string
	caused map[string]bool
}

// check makes calls that fail, in Go and in JavaScript.
func (x *exceptions) check(t *testing.T, n *node, failures ...failure) {
	t.Helper()
	inJavaScript := x.inJavaScript(t, n, failures)
	for i, f := range failures {
		t.Run(f.name(), func(t *testing.T) {
			f.checkInGo(t, n)
			f.checkInJavaScript(t, inJavaScript[i])
		})
		x.caused[f.name()] = true
	}
}

func (f *failure) checkInGo(t *testing.T, n *node) {
	client := n.identities(func(o *cognitoidentity.Options) { o.Retryer = aws.NopRetryer{} })
	_, err := sendByGo(t, client, f.Operation, f.Input)
	target := reflect.New(reflect.TypeOf(f.Exception)) // as in: var e *types.XException; errors.As(err, &e)
	if !errors.As(err, target.Interface()) {
		t.Errorf("in Go: %s arrives as: %v", f.name(), err)
		return
	}
	if e := target.Elem().Interface().(smithy.APIError); e.ErrorCode() != f.name() || e.ErrorMessage() == "" {
		t.Errorf("in Go: code %q, message %q", e.ErrorCode(), e.ErrorMessage())
	}
	if reply := new(awshttp.ResponseError); !errors.As(err, &reply) || reply.HTTPStatusCode() != f.status() || reply.RequestID == "" {
		t.Errorf("in Go: not status %d with a request id: %v", f.status(), err)
	}
}

// arrived is what parts/javascript/errors.mjs says of an error.
type arrived struct {
	Class, Name, Message string
	Status               int
}

func (f *failure) checkInJavaScript(t *testing.T, a arrived) {
	if a.Class != f.name() || a.Name != f.name() || a.Status != f.status() || a.Message == "" {
		t.Errorf("in JavaScript: %s arrives as %+v", f.name(), a)
	}
}

func (x *exceptions) inJavaScript(t testing.TB, n *node, failures []failure) []arrived {
	t.Helper()
	calls, err := json.Marshal(failures)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(npmFolder(t, "parts/javascript"), "errors.mjs")
	program := exec.Command(nodeJS(t), script, n.url, region)
	program.Stdin = bytes.NewReader(calls)
	program.Env = environ("AWS_ACCESS_KEY_ID="+n.root.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+n.root.SecretAccessKey)
	var printed struct {
		Classes []string
		Arrived []arrived
	}
	if err := json.Unmarshal([]byte(run(t, program)), &printed); err != nil {
		t.Fatal(err)
	}
	if len(printed.Arrived) != len(failures) {
		t.Fatalf("%d calls, and %d came back", len(failures), len(printed.Arrived))
	}
	x.known = printed.Classes
	return printed.Arrived
}
