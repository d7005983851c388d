package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	region  = "us-east-1"
	account = "000000000000" // the default
)

// node is the binary, running with a data directory of its own.
type node struct {
	*process
	url    string
	listen string // the same after a restart: it is the issuer, too
	data   string
	root   aws.Credentials
}

// startNode starts the binary with nothing but a data directory, a free port and the flags given.
func startNode(t testing.TB, flags ...string) *node {
	t.Helper()
	n := &node{listen: "127.0.0.1:0", data: t.TempDir()}
	n.start(t, flags...)
	n.root = readRoot(t, filepath.Join(n.data, "root-credentials"))
	return n
}

// restart starts it again on the same address and data.
func (n *node) restart(t testing.TB, flags ...string) {
	t.Helper()
	n.kill()
	n.start(t, flags...)
}

func (n *node) start(t testing.TB, flags ...string) {
	t.Helper()
	n.run(t, n.args(flags))
}

func (n *node) args(flags []string) []string {
	return append([]string{"serve", "--data", n.data, "--listen", n.listen}, flags...)
}

// run starts the binary with arguments that make it serve, and waits until it is ready.
func (n *node) run(t testing.TB, args []string) {
	t.Helper()
	n.process = start(t, "idpool", environ(), binary, args...)
	n.awaitReady(t)
}

func (n *node) awaitReady(t testing.TB) {
	t.Helper()
	n.await(t, "it serves", func() bool {
		line, found := n.stderr.line(`"msg":"serving"`)
		var entry struct{ Listen string }
		if found && json.Unmarshal([]byte(line), &entry) == nil {
			n.listen, n.url = entry.Listen, "http://"+entry.Listen
		}
		return found
	})
	n.await(t, "it is ready", func() bool { return status(n.url+"/readyz") == http.StatusOK })
}

// status asks a URL, and is 0 if nobody answers.
func status(url string) int {
	reply, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = reply.Body.Close()
	return reply.StatusCode
}

var rootKey = regexp.MustCompile(`(?m)^aws_access_key_id = (\S+)\naws_secret_access_key = (\S+)$`)

func readRoot(t testing.TB, path string) aws.Credentials {
	t.Helper()
	profile, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := rootKey.FindStringSubmatch(string(profile))
	if m == nil {
		t.Fatalf("%s holds no root key", path)
	}
	return aws.Credentials{AccessKeyID: m[1], SecretAccessKey: m[2]}
}

// config is the SDK's, for this node and some credentials. It reads no environment.
func (n *node) config(credentials aws.Credentials) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &n.url, Credentials: static(credentials),
	}
}

// static are credentials that do not change.
func static(c aws.Credentials) aws.CredentialsProviderFunc {
	return func(context.Context) (aws.Credentials, error) { return c, nil }
}

// identities is the SDK's client, with the root's credentials for the operations that need any.
func (n *node) identities(options ...func(*cognitoidentity.Options)) *cognitoidentity.Client {
	return cognitoidentity.NewFromConfig(n.config(n.root), options...)
}

func (n *node) iam() *iam.Client { return iam.NewFromConfig(n.config(n.root)) }

func (n *node) sts(credentials aws.Credentials) *sts.Client {
	return sts.NewFromConfig(n.config(credentials))
}
