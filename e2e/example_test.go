package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// startDev starts a node for trying out, and waits until it has printed all that it has to say.
func startDev(t testing.TB) *process {
	t.Helper()
	tool(t, "aws", "awscli")
	tool(t, "curl", "curl")
	p := start(t, "idpool", environ(), binary, "serve", "--dev", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	p.await(t, "it prints what to try", func() bool { return strings.HasSuffix(p.stdout.String(), "\n\n") })
	return p
}

// terminal runs commands as somebody would who copies them into a terminal, and stops at the first that fails.
func terminal(t testing.TB, commands string) string {
	t.Helper()
	bash := exec.Command("bash", "-euxo", "pipefail", "-c", commands)
	bash.Dir, bash.Env = t.TempDir(), environ("AWS_PAGER=")
	return run(t, bash)
}

// TestDev runs the commands that idpool serve --dev prints.
func TestDev(t *testing.T) {
	t.Parallel()
	var commands []string
	for line := range strings.Lines(startDev(t).stdout.String()) {
		if command, indented := strings.CutPrefix(line, "  "); indented {
			commands = append(commands, command)
		}
	}
	printed := terminal(t, strings.Join(commands, ""))
	for _, want := range []string{`"IdentityPoolName": "sample"`, `"SessionToken": "`, `"jwks_uri":"`} {
		if !strings.Contains(printed, want) {
			t.Errorf("the commands did not lead to %s:\n%s", want, printed)
		}
	}
}

// shell finds the blocks of shell commands in a document.
var shell = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestReadme runs the commands of the README, from the first to the last, on a node for trying out.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme := readReadme(t)
	line, _ := startDev(t).stdout.line("AWS_ENDPOINT_URL=")
	endpoint := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	// Somebody has signed in at a SAML provider, which the README calls corp.
	corp := startSAMLIDP(t)
	metadata := filepath.Join(t.TempDir(), "metadata.xml")
	if err := os.WriteFile(metadata, []byte(corp.fetchMetadata(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	var commands strings.Builder
	fmt.Fprintf(&commands, "RESPONSE=%s\n", corp.signIn(t, "alice"))
	for _, block := range shell.FindAllSubmatch(readme, -1) {
		commands.WriteString(strings.NewReplacer("http://127.0.0.1:7400", endpoint, "file://metadata.xml", "file://"+metadata,
			"create-saml-provider --name corp", "create-saml-provider --name "+corp.name).Replace(string(block[1])))
	}
	commands.WriteString(`echo "$PROVIDER trusted, $ROLE given"`)
	printed := terminal(t, commands.String())
	for _, want := range []string{":assumed-role/TourGuest-", `"Token": "`, `"jwks_uri":"` + endpoint, `"kid":"`, `"SecretKey": "`, "oidc-provider/login.example.com trusted, arn:aws:iam::" + account + ":role/Customers-"} {
		if !strings.Contains(printed, want) {
			t.Errorf("the commands did not lead to %s:\n%s", want, printed)
		}
	}
}

func readReadme(t testing.TB) []byte {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return readme
}

// TestReadmeServe starts a node by the README's command for running it for real, on an address and in a directory of the
// test's. Others then know it by the issuer's URL, and its root by the command that the README has for it.
func TestReadmeServe(t *testing.T) {
	t.Parallel()
	tool(t, "aws", "awscli")
	readme := readReadme(t)
	commands := regexp.MustCompile(`(?m)^idpool (serve --listen .*)$`).FindAllSubmatch(readme, -1)
	if len(commands) != 1 {
		t.Fatalf("the README has %d commands that serve, not one", len(commands))
	}
	n := &node{data: t.TempDir()}
	args := swap(t, string(commands[0][1]), "--listen 0.0.0.0:7400", "--listen 127.0.0.1:0")
	args = swap(t, args, "--data /var/lib/idpool", "--data "+n.data)
	n.run(t, strings.Fields(args))

	discovery := run(t, exec.Command(tool(t, "curl", "curl"), "-sSf", n.url+"/.well-known/openid-configuration"))
	if !strings.Contains(discovery, `"issuer":"https://id.example.com"`) {
		t.Errorf("the issuer is not that of the command: %s", discovery)
	}
	asRoot := regexp.MustCompile("(?ms)^(AWS_SHARED_CREDENTIALS_FILE=.*?)^```$").FindSubmatch(readme)
	if asRoot == nil {
		t.Fatal("the README has no command that uses the root credentials")
	}
	command := swap(t, string(asRoot[1]), "/var/lib/idpool", n.data)
	command = swap(t, command, "https://id.example.com", n.url)
	if printed := terminal(t, command); !strings.Contains(printed, `"arn:aws:iam::`+account+`:root"`) {
		t.Errorf("the root credentials are those of %s", printed)
	}
	n.signal(t, syscall.SIGTERM)
	if code := n.wait(t); code != 0 {
		t.Errorf("told to stop, it ends with %d", code)
	}
}

// TestAddAccount makes accounts as the README's table of flags says: on the node's machine, and from elsewhere. The profile
// that is printed is of the new account's root.
func TestAddAccount(t *testing.T) {
	t.Parallel()
	if !strings.Contains(string(readReadme(t)), "`idpool accounts add ID` on the node's machine, or with `--endpoint` from elsewhere") {
		t.Fatal("the README speaks otherwise of idpool accounts add")
	}
	n := startNode(t)
	rootOf := func(id, profile string) aws.Credentials {
		t.Helper()
		m := rootKey.FindStringSubmatch(profile)
		if m == nil || !strings.HasPrefix(profile, "["+id+"]\n") {
			t.Fatalf("no profile of %s: %s", id, profile)
		}
		root := aws.Credentials{AccessKeyID: m[1], SecretAccessKey: m[2]}
		caller, err := n.sts(root).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		if want := "arn:aws:iam::" + id + ":root"; *caller.Arn != want {
			t.Errorf("the profile is of %s, not %s", *caller.Arn, want)
		}
		return root
	}
	const bySocket, byEndpoint = "111111111111", "222222222222"
	add := func(env []string, args ...string) string {
		t.Helper()
		cmd := exec.Command(binary, append([]string{"accounts", "add"}, args...)...)
		cmd.Dir, cmd.Env = t.TempDir(), env
		return run(t, cmd) + "\n"
	}
	second := rootOf(bySocket, add(environ(), bySocket, "--data", n.data))
	rootOf(byEndpoint, add(withKeys(n.root), byEndpoint, "--endpoint", n.url))

	for _, bad := range []struct {
		name  string
		root  aws.Credentials
		args  []string
		words string
	}{
		{"twice", n.root, []string{bySocket, "--data", n.data}, bySocket},
		{"twice from elsewhere", n.root, []string{byEndpoint, "--endpoint", n.url}, byEndpoint},
		{"as the root of another account", second, []string{"333333333333", "--endpoint", n.url}, "AccessDenied: "},
		{"with a wrong key", aws.Credentials{AccessKeyID: n.root.AccessKeyID, SecretAccessKey: "wrong"}, []string{"333333333333", "--endpoint", n.url}, "InvalidSignatureException: "},
		{"in another directory", n.root, []string{"333333333333", "--data", t.TempDir()}, "with the same --data?"},
	} {
		p := start(t, "idpool", withKeys(bad.root), binary, append([]string{"accounts", "add"}, bad.args...)...)
		if code, said := p.wait(t), p.spoken(); code != 1 || len(said) != 1 || !strings.Contains(said[0], bad.words) {
			t.Errorf("%s: it ends with %d and says %q, not %q", bad.name, code, said, bad.words)
		}
	}
}

func withKeys(c aws.Credentials) []string {
	return environ("AWS_ACCESS_KEY_ID="+c.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.SecretAccessKey)
}

// TestExampleCLI runs examples/aws-cli as its README says.
func TestExampleCLI(t *testing.T) {
	t.Parallel()
	tool(t, "aws", "awscli")
	tool(t, "curl", "curl")
	n := startNode(t)
	tour := exec.Command("../examples/aws-cli/tour.sh")
	tour.Env = environ("AWS_ENDPOINT_URL="+n.url, "AWS_ACCESS_KEY_ID="+n.root.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+n.root.SecretAccessKey)
	printed := run(t, tour)
	want := regexp.MustCompile(`(?m)^caller +arn:aws:sts::` + account + `:assumed-role/Guest-[0-9a-f-]{36}/CognitoIdentityCredentials$`)
	if !want.MatchString(printed) {
		t.Errorf("no line of the tour is %s:\n%s", want, printed)
	}
	if want := "issuer      " + n.url + "\n"; !strings.Contains(printed, want) {
		t.Errorf("the tour does not end with %q:\n%s", want, printed)
	}
}

// TestExampleJavaScript runs examples/javascript for a guest, and for somebody who has signed in at a real provider.
func TestExampleJavaScript(t *testing.T) {
	t.Parallel()
	script := filepath.Join(npmFolder(t, "../examples/javascript"), "main.mjs")
	n, p := startNode(t), startOIDCProvider(t)
	pool := createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("example"), AllowUnauthenticatedIdentities: true,
		OpenIdConnectProviderARNs: []string{register(t, n, p)},
	})
	setRoles(t, n, pool)
	main := func(args ...string) (identity, caller string) {
		t.Helper()
		node := exec.Command(nodeJS(t), append([]string{script, n.url, pool}, args...)...)
		node.Env = environ()
		m := regexp.MustCompile(`^identity (\S+)\ncaller (\S+)$`).FindStringSubmatch(run(t, node))
		if m == nil {
			t.Fatal("the example does not print identity and caller")
		}
		return m[1], m[2]
	}
	checkExampleFails(t, script, n.url, region+":THE-SAMPLE-POOL", "ValidationException: ")
	checkExampleFails(t, script, "http://127.0.0.1:1", pool, "ECONNREFUSED")
	guest, caller := main()
	if caller != sessionARN(guestRole) {
		t.Errorf("a guest is %s", caller)
	}
	token := p.signIn(t, appClient, p.user)
	person, caller := main(p.name(), token)
	if caller != sessionARN(signedInRole) {
		t.Errorf("somebody who has signed in is %s", caller)
	}
	if id := getID(t, n, pool, login(p, token)); person != id || person == guest {
		t.Errorf("the person is identity %s in JavaScript and %s in Go; the guest is %s", person, id, guest)
	}
}

// checkExampleFails makes sure that the example says in one line what went wrong, without a stack. On an older Node.js the
// SDK has something to say, too.
func checkExampleFails(t testing.TB, script, endpoint, pool, words string) {
	t.Helper()
	p := start(t, "node", environ(), nodeJS(t), script, endpoint, pool)
	code, said := p.wait(t), p.stderr.String()
	if line, found := p.stderr.line(words); code != 1 || !found || !strings.HasSuffix(said, line+"\n") || strings.Contains(said, "\n    at ") {
		t.Errorf("it ends with %d and says %q, not %q at last", code, said, words)
	}
}
