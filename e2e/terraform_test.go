package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// TestTerraform lives through examples/terraform as the root, and as the user of its README.
func TestTerraform(t *testing.T) {
	t.Parallel()
	plugins := terraformPlugins(t)
	run(t, exec.Command("terraform", "fmt", "-check", "-diff", "../examples/terraform", "parts/terraform"))
	t.Run("as the root", func(t *testing.T) {
		t.Parallel()
		n := startNode(t)
		tf := startTerraform(t, n, plugins, n.root)
		tf.must(t, "apply", "-auto-approve")
		tf.life(t)
		n.checkEmpty(t)
	})
	t.Run("as a user", func(t *testing.T) {
		t.Parallel()
		audit := filepath.Join(t.TempDir(), "audit.log")
		n := startNode(t, "--drain", "0s", "--audit-log", audit)
		user, policy := terraformUser(t, n)
		tf := startTerraform(t, n, plugins, user)
		tf.failsWithout(t, n, policy, "iam:PassRole", "cognito-identity:SetPrincipalTagAttributeMap")
		tf.must(t, "apply", "-auto-approve")
		tf.life(t)
		n.checkEmpty(t, policy)
		checkCalled(t, n, audit)
	})
}

// terraformPlugins is a folder from which Terraform installs providers, instead of asking its registry.
func terraformPlugins(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("there is no terraform in PATH")
	}
	folders := []string{os.Getenv("IDPOOL_TF_PLUGINS")}
	home, _ := os.UserHomeDir() // without one there is no such file
	for _, name := range []string{os.Getenv("TF_CLI_CONFIG_FILE"), filepath.Join(home, ".terraformrc")} {
		if config, err := os.ReadFile(name); err == nil {
			for _, mirror := range filesystemMirror.FindAllSubmatch(config, -1) {
				folders = append(folders, string(mirror[1]))
			}
		}
	}
	usual, err := filepath.Glob("/*/tf-plugins")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range append(folders, usual...) {
		if found, _ := filepath.Glob(filepath.Join(folder, "registry.terraform.io/hashicorp/aws/*")); len(found) > 0 {
			return folder
		}
	}
	t.Skip("there is no mirror of Terraform's aws provider: name one by IDPOOL_TF_PLUGINS, or in ~/.terraformrc")
	return ""
}

var filesystemMirror = regexp.MustCompile(`filesystem_mirror\s*\{[^}]*\bpath\s*=\s*"([^"]+)"`)

// terraform is a copy of the example, and who applies it.
type terraform struct {
	dir string
	env []string
}

func startTerraform(t testing.TB, n *node, plugins string, who aws.Credentials) *terraform {
	t.Helper()
	tf := &terraform{dir: t.TempDir()}
	if err := os.CopyFS(tf.dir, os.DirFS("../examples/terraform")); err != nil {
		t.Fatal(err)
	}
	tf.env = slices.DeleteFunc(withKeys(who), func(v string) bool { return strings.HasPrefix(v, "TF_") })
	tf.env = append(tf.env, "TF_VAR_endpoint="+n.url, "TF_DATA_DIR="+t.TempDir(), "TF_CLI_CONFIG_FILE="+os.DevNull,
		"TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"GOGC=400") // halves the time: the schema of all that AWS has makes much garbage
	tf.must(t, "init", "-plugin-dir="+plugins)
	return tf
}

// run runs a command of Terraform, and returns its exit code and what it wrote.
func (tf *terraform) run(t testing.TB, command string, args ...string) (code int, written string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "terraform", append([]string{command, "-no-color", "-input=false"}, args...)...)
	cmd.Dir, cmd.Env = tf.dir, tf.env
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

func (tf *terraform) must(t testing.TB, command string, args ...string) string {
	t.Helper()
	code, written := tf.run(t, command, args...)
	if code != 0 {
		t.Fatalf("terraform %s %q ends with %d:\n%s", command, args, code, written)
	}
	return written
}

// unchanged makes sure that Terraform finds everything as it wants it.
func (tf *terraform) unchanged(t testing.TB, when string, args ...string) {
	t.Helper()
	if code, written := tf.run(t, "plan", append(args, "-detailed-exitcode")...); code != 0 { // 2 for changes
		t.Errorf("planned %s, it ends with %d:\n%s", when, code, written)
	}
}

// life is that of an example that was applied.
func (tf *terraform) life(t testing.TB) {
	t.Helper()
	tf.unchanged(t, "again")
	number := tf.forget(t)
	done := tf.must(t, "apply", "-auto-approve")
	if want := fmt.Sprintf("%d imported, 0 added, 0 changed, 0 destroyed.", number); !strings.Contains(done, want) {
		t.Errorf("imported, but not so that %s\n%s", want, done)
	}
	tf.write(t, "imports.tf", "")
	tf.unchanged(t, "after the import")

	metadata, err := os.ReadFile(filepath.Join(tf.dir, "metadata.xml"))
	if err != nil {
		t.Fatal(err)
	}
	tf.write(t, "changed.xml", strings.ReplaceAll(string(metadata), "/saml/login", "/saml/sso"))
	vars, err := filepath.Abs("parts/terraform/changed.tfvars")
	if err != nil {
		t.Fatal(err)
	}
	// All but the attachment, which has nothing to change, and the map of default tags.
	done = tf.must(t, "apply", "-auto-approve", "-var-file", vars)
	if want := fmt.Sprintf("0 added, %d changed, 0 destroyed.", number-2); !strings.Contains(done, want) {
		t.Errorf("changed, but not so that %s\n%s", want, done)
	}
	tf.unchanged(t, "after the change", "-var-file", vars)
	tf.must(t, "destroy", "-auto-approve", "-var-file", vars)
}

func (tf *terraform) write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(tf.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// forget has Terraform know nothing of what it made, and import it all at the next apply. It returns how many things those
// are.
func (tf *terraform) forget(t testing.TB) (number int) {
	t.Helper()
	path := filepath.Join(tf.dir, "terraform.tfstate")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Mode, Type, Name string
			Instances        []struct {
				Key        string `json:"index_key"`
				Attributes struct {
					ID     string
					Role   string
					Policy string `json:"policy_arn"`
				}
			}
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	var imports strings.Builder
	for _, r := range state.Resources {
		if r.Mode != "managed" {
			continue
		}
		for _, i := range r.Instances {
			to, id := r.Type+"."+r.Name, i.Attributes.ID
			if i.Key != "" {
				to += fmt.Sprintf("[%q]", i.Key)
			}
			if r.Type == "aws_iam_role_policy_attachment" { // whose id is made up
				id = i.Attributes.Role + "/" + i.Attributes.Policy
			}
			fmt.Fprintf(&imports, "import {\n  to = %s\n  id = %q\n}\n", to, id)
			number++
		}
	}
	tf.write(t, "imports.tf", imports.String())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	return number
}

// terraformUser makes the user of the example's README by its commands, and returns a key of theirs and their policy's ARN.
func terraformUser(t testing.TB, n *node) (key aws.Credentials, policy string) {
	t.Helper()
	tool(t, "aws", "awscli")
	readme, err := os.ReadFile("../examples/terraform/README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shell.FindAllSubmatch(readme, -1)
	if len(blocks) != 1 {
		t.Fatalf("the README has %d blocks of commands, not one", len(blocks))
	}
	bash := exec.Command("bash", "-euo", "pipefail", "-c", `aws() { command aws --endpoint-url "$ENDPOINT" "$@"; }`+"\n"+
		string(blocks[0][1])+`echo "$POLICY $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"`)
	bash.Dir = "../examples/terraform"
	bash.Env = append(withKeys(n.root), "ENDPOINT="+n.url, "AWS_DEFAULT_REGION="+region, "AWS_PAGER=")
	lines := strings.Split(run(t, bash), "\n")
	made := strings.Fields(lines[len(lines)-1])
	if len(made) != 3 {
		t.Fatalf("the README's commands made %q", lines)
	}
	return aws.Credentials{AccessKeyID: made[1], SecretAccessKey: made[2]}, made[0]
}

// failsWithout applies the example while the user's policy lacks some actions, and gives them back.
func (tf *terraform) failsWithout(t testing.TB, n *node, policy string, actions ...string) {
	t.Helper()
	document, err := os.ReadFile("../examples/terraform/permissions.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range actions { // none in its place: an action that nobody has
		document = bytes.Replace(document, []byte(`"`+action+`"`), []byte(`"none:None"`), 1)
	}
	_, err = n.iam().CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{
		PolicyArn: &policy, PolicyDocument: aws.String(string(document)), SetAsDefault: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	code, written := tf.run(t, "apply", "-auto-approve")
	var denied []string
	for _, m := range regexp.MustCompile(`is not authorized\s+to\s+perform:\s+(\S+)`).FindAllStringSubmatch(written, -1) {
		denied = append(denied, m[1])
	}
	slices.Sort(denied)
	slices.Sort(actions)
	if denied = slices.Compact(denied); code != 1 || !slices.Equal(denied, actions) {
		t.Errorf("without %q it ends with %d, for want of %q:\n%s", actions, code, denied, written)
	}
	_, err = n.iam().SetDefaultPolicyVersion(t.Context(), &iam.SetDefaultPolicyVersionInput{PolicyArn: &policy, VersionId: aws.String("v1")})
	if err != nil {
		t.Fatal(err)
	}
}

// checkEmpty makes sure that an account has no pools, providers and roles, users of the example and policies but
// those named.
func (n *node) checkEmpty(t testing.TB, policies ...string) {
	t.Helper()
	roles, err := n.iam().ListRoles(t.Context(), &iam.ListRolesInput{})
	if err != nil {
		t.Fatal(err)
	}
	oidc, err := n.iam().ListOpenIDConnectProviders(t.Context(), &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		t.Fatal(err)
	}
	saml, err := n.iam().ListSAMLProviders(t.Context(), &iam.ListSAMLProvidersInput{})
	if err != nil {
		t.Fatal(err)
	}
	local, err := n.iam().ListPolicies(t.Context(), &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal})
	if err != nil {
		t.Fatal(err)
	}
	users, err := n.iam().ListUsers(t.Context(), &iam.ListUsersInput{PathPrefix: aws.String("/app/")})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, p := range local.Policies {
		left = append(left, *p.Arn)
	}
	if pools := listPools(t, n); len(pools)+len(roles.Roles)+len(oidc.OpenIDConnectProviderList)+len(saml.SAMLProviderList)+len(users.Users) > 0 || !slices.Equal(left, policies) {
		t.Errorf("all is destroyed, and there are pools %q, %d roles, %d OIDC and %d SAML providers, %d users, policies %q",
			pools, len(roles.Roles), len(oidc.OpenIDConnectProviderList), len(saml.SAMLProviderList), len(users.Users), left)
	}
}

// checkCalled makes sure that the example's list of permissions has what the user called, and nothing else.
func checkCalled(t testing.TB, n *node, audit string) {
	t.Helper()
	n.signal(t, syscall.SIGTERM) // the log is whole when the node has ended
	n.wait(t)
	log, err := os.ReadFile(audit)
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{"iam:PassRole": true} // an action that no operation is named for; without it apply failed
	for line := range bytes.Lines(log) {
		var event struct {
			EventSource, EventName string
			UserIdentity           struct{ Type string }
		}
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		if event.UserIdentity.Type == "IAMUser" && event.EventName != "GetCallerIdentity" { // for which nobody needs a policy
			called[strings.TrimSuffix(event.EventSource, ".amazonaws.com")+":"+event.EventName] = true
		}
	}
	text, err := os.ReadFile("../examples/terraform/permissions.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for _, s := range document.Statement {
		allowed = append(allowed, s.Action...)
	}
	if diff := notIn(set(allowed), slices.Collect(maps.Keys(called))); len(diff) > 0 {
		t.Errorf("permissions.json allows what is not called: %q", diff)
	}
	if diff := notIn(called, allowed); len(diff) > 0 {
		t.Errorf("called, and not in permissions.json: %q", diff)
	}
}
