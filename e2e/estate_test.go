package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// An estate is an account whose IAM and STS are called by one kind of client, for it to be shown that any client can.
type estate struct {
	*node
	send   sender
	served []string
	called map[string]bool
}

// sender calls an operation with the node's root credentials, and returns the reply in JSON.
type sender func(n *node, t testing.TB, service, operation string, in input) []byte

// input is what a call brings, by the names of the service's model: those that the Go SDK and the AWS CLI both take.
type input map[string]any

// answer is a reply, by the same names.
type answer map[string]any

// TestEstate calls every operation of IAM and STS that the node serves, by the AWS CLI and by the Go SDK.
func TestEstate(t *testing.T) {
	t.Parallel()
	for _, by := range []struct {
		name string
		send sender
	}{
		{"the AWS CLI", (*node).sendByCLI},
		{"the Go SDK", (*node).sendByGo},
	} {
		t.Run("by "+by.name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t)
			e := &estate{node: n, send: by.send, served: n.served(t), called: make(map[string]bool)}
			e.life(t)
			if diff := notIn(set(e.served), slices.Collect(maps.Keys(e.called))); len(diff) > 0 {
				t.Errorf("served, and not called: %q", diff)
			}
			if diff := notIn(set(promised(t)), slices.Collect(maps.Keys(e.called))); len(diff) > 0 {
				t.Errorf("the README says that it works, and it was not called: %q", diff)
			}
			if diff := notIn(set(e.served), promised(t)); len(diff) > 0 {
				t.Errorf("served, and the README does not say so: %q", diff)
			}
		})
	}
}

// iamAndSTS are the clients whose methods are the operations that there are.
var iamAndSTS = map[string]reflect.Type{"iam": reflect.TypeFor[*iam.Client](), "sts": reflect.TypeFor[*sts.Client]()}

// served lists, as service:Operation, what is an operation to the node: it asks who is calling before it says anything else.
func (n *node) served(t testing.TB) []string {
	t.Helper()
	var names []string
	for service, version := range map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"} {
		for method := range iamAndSTS[service].Methods() {
			if method.Name == "Options" {
				continue
			}
			reply, err := http.PostForm(n.url, url.Values{"Action": {method.Name}, "Version": {version}})
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reply.Body)
			_ = reply.Body.Close()
			if err != nil || reply.StatusCode/100 != 4 {
				t.Errorf("%s, which nobody signed, is answered by %d: %s, %v", method.Name, reply.StatusCode, text, err)
			}
			if !strings.Contains(string(text), "<Code>InvalidAction</Code>") {
				names = append(names, service+":"+method.Name)
			}
		}
	}
	return names
}

// promised lists what the README's table of what works says of IAM and STS.
func promised(t testing.TB) []string {
	t.Helper()
	var names []string
	for service, row := range map[string]string{"iam": "IAM", "sts": "STS"} {
		m := regexp.MustCompile(`(?m)^\| ` + row + ` \| (.*) \|$`).FindSubmatch(readReadme(t))
		if m == nil {
			t.Fatalf("the README has no row %s", row)
		}
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(string(m[1]), -1) {
			if _, is := iamAndSTS[service].MethodByName(word); is {
				names = append(names, service+":"+word)
			}
		}
	}
	if len(names) == 0 {
		t.Fatal("the README's rows name no operations")
	}
	return names
}

// as is the same estate, called with other credentials: those that an answer has at a path.
func (e *estate) as(a answer, path string) *estate {
	n, other := *e.node, *e
	n.root = aws.Credentials{
		AccessKeyID: a.at(path + ".AccessKeyId"), SecretAccessKey: a.at(path + ".SecretAccessKey"), SessionToken: a.at(path + ".SessionToken"),
	}
	other.node = &n
	return &other
}

// isCaller makes sure who the credentials are of.
func (e *estate) isCaller(t testing.TB, arn string) {
	t.Helper()
	e.call(t, "sts", "GetCallerIdentity", input{}).shows(t, "Arn", arn, "Account", account)
}

// call calls an operation.
func (e *estate) call(t testing.TB, service, operation string, in input) answer {
	t.Helper()
	e.called[service+":"+operation] = true
	var out answer
	if text := e.send(e.node, t, service, operation, in); len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%s: %v: %s", operation, err, text)
		}
	}
	return out
}

func (e *estate) iamCall(t testing.TB, operation string, in input) answer {
	t.Helper()
	return e.call(t, "iam", operation, in)
}

// at is what stands at a path in the answer, such as Role.Tags.0.Key; # is the number of a list's members.
func (a answer) at(path string) string {
	var value any = map[string]any(a)
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			var i int
			if step == "#" {
				value = len(v)
			} else if _, err := fmt.Sscan(step, &i); err == nil && i < len(v) {
				value = v[i]
			} else {
				return ""
			}
		default:
			return ""
		}
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// shows makes sure of what stands in an answer: paths, each followed by its value.
func (a answer) shows(t testing.TB, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := a.at(pairs[i]); got != pairs[i+1] {
			t.Errorf("%s: %q, not %q", pairs[i], got, pairs[i+1])
		}
	}
}

func (n *node) sendByCLI(t testing.TB, service, operation string, in input) []byte {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	name := wordEnd.ReplaceAllString(acronymEnd.ReplaceAllString(operation, "$1-$2"), "$1-$2")
	cli := exec.Command(tool(t, "aws", "awscli"), "--endpoint-url", n.url, "--output", "json", service, strings.ToLower(name), "--cli-input-json", string(text))
	cli.Env = append(withKeys(n.root), "AWS_CONFIG_FILE="+os.DevNull, "AWS_DEFAULT_REGION="+region, "AWS_PAGER=")
	if n.root.SessionToken != "" {
		cli.Env = append(cli.Env, "AWS_SESSION_TOKEN="+n.root.SessionToken)
	}
	return []byte(run(t, cli))
}

// How the CLI spells an operation: CreateOpenIDConnectProvider is create-open-id-connect-provider.
var (
	acronymEnd = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
	wordEnd    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

func (n *node) sendByGo(t testing.TB, service, operation string, in input) []byte {
	t.Helper()
	out, err := sendByGo(t, n.client(service), operation, in)
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// client is the SDK's, with the root's credentials, and tries everything once.
func (n *node) client(service string) any {
	c := n.config(n.root)
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if service == "sts" {
		return sts.NewFromConfig(c)
	}
	return iam.NewFromConfig(c)
}

// sendByGo calls an operation of one of the Go SDK's clients by its name.
func sendByGo(t testing.TB, client any, operation string, in input) (out any, err error) {
	t.Helper()
	method := reflect.ValueOf(client).MethodByName(operation)
	request := reflect.New(method.Type().In(1).Elem())
	text, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(text, request.Interface())
	}
	if err != nil {
		t.Fatal(err)
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), request})
	err, _ = results[1].Interface().(error)
	return results[0].Interface(), err
}
