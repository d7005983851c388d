package wire

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// order has a member of every kind that a request may hold.
type order struct {
	Word   string            `api:"Word"`
	Short  string            `api:"Short"`
	Color  string            `api:"Color"`
	Latin  string            `api:"Latin"`
	Blank  string            `api:"Blank"`
	Free   string            // no shape, no constraint
	Gift   *bool             `api:"Flag"`
	Count  int64             `api:"Count"`
	Change int               // any integer
	Words  []string          `api:"Words"`
	Counts []int64           `api:"Counts"`
	Grid   [][]string        `api:"Grid"`
	Plain  []string          // a list of anything
	Notes  map[string]string `api:"Notes"`
	Any    map[string]string // a map of anything
	Lines  []orderLine       `api:"Lines"`
	Stores map[string]store  `api:"Stores"`
	Home   *store
}

type orderLine struct {
	ItemId string `api:"Word,required"`
	Note   string `api:"Short"`
}

type store struct {
	City   string   `api:"Word,required"`
	Words  []string `api:"Words"`
	Nearby []store2
}

type store2 struct {
	URLName string `api:"Word" json:"streetName,omitempty"`
}

// vault holds nothing but secrets, and wants all of them.
type vault struct {
	Key    string                `api:"Secret,required"`
	Keys   []string              `api:"Secrets,required"`
	Logins map[string]string     `api:"SecretMap,required"`
	Names  map[string]string     `api:"SecretKeys,required"`
	Rooms  []vaultRoom           `api:"Rooms,required"`
	Doors  map[string]vaultRoom  `api:"SecretDoors,required"`
	Nested map[string][][]string `api:"SecretGrids,required"`
	Number int64                 `api:"SecretNumber,required"`
}

type vaultRoom struct {
	Key  string `api:"Secret,required"`
	Name string `api:"Secret"`
}

var orderShapes = Shapes{
	"Word":   {Min: 2, Max: 4, Pattern: `[a-z]+`},
	"Short":  {Max: 3},
	"Color":  {Enum: []string{"Red", "Green"}},
	"Latin":  {Pattern: `[\u0020-\u00FF]*`},
	"Blank":  {Pattern: `[\s]*`},
	"Count":  {Min: 1, Max: 60},
	"Words":  {Min: 1, Max: 2, Member: "Word"},
	"Counts": {Member: "Count"},
	"Grid":   {Member: "Words"},
	"Notes":  {Max: 2, Key: "Word", Member: "Short"},
	"Lines":  {Max: 2},
	"Stores": {Key: "Short"},

	"Secret":       {Min: 3, Max: 4, Pattern: `[a-z]+`, Sensitive: true},
	"Secrets":      {Max: 2, Member: "Secret"},
	"SecretMap":    {Max: 2, Key: "Word", Member: "Secret"},
	"SecretKeys":   {Max: 2, Key: "Secret"},
	"Rooms":        {Max: 2},
	"SecretDoors":  {Max: 2, Key: "Secret"},
	"SecretGrids":  {Max: 2, Key: "Secret", Member: "SecretGrid"},
	"SecretGrid":   {Max: 2, Member: "Secrets"},
	"SecretNumber": {Min: 1, Max: 2, Sensitive: true},
}

// decoder reads a body of JSON 1.1 into an In, and checks its constraints, as the mux does.
func decoder[In any](shapes Shapes) func(body string) (*In, error) {
	op := Public("Op", func(context.Context, *In) (*Nothing, error) { return nil, nil })
	row := (&Service{Target: "Shop", Shapes: shapes, Operations: []Operation{op}}).rows()["Op"]
	return func(body string) (*In, error) {
		tree, err := jsonTree([]byte(body))
		if err != nil {
			return nil, err
		}
		in, err := row.input(tree)
		if err != nil {
			return nil, err
		}
		return in.(*In), nil
	}
}

var (
	readOrder = decoder[order](orderShapes)
	readLine  = decoder[orderLine](orderShapes)
	readVault = decoder[vault](orderShapes)
)

// verdict says "ok", or an error in the words of the reply.
func verdict(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// failing is a validation error, detected its message; at and of say what failed, where and why.
func failing(failures ...string) string { return "ValidationException: " + detected(failures...) }

func detected(failures ...string) string {
	if len(failures) == 1 {
		return "1 validation error detected: " + failures[0]
	}
	return fmt.Sprintf("%d validation errors detected: %s", len(failures), strings.Join(failures, "; "))
}

func at(value, path, constraint string) string {
	return "Value " + value + " at '" + path + "' failed to satisfy constraint: " + constraint
}

func of(value, path, constraint string) string { return at("'"+value+"'", path, constraint) }

const (
	atMost       = "Member must have length less than or equal to "
	atLeast      = "Member must have length greater than or equal to "
	valueAtMost  = "Member must have value less than or equal to "
	valueAtLeast = "Member must have value greater than or equal to "
	matching     = "Member must satisfy regular expression pattern: "
	oneOf        = "Member must satisfy enum value set: "
	everyMember  = "Member must satisfy constraint: "
	everyKey     = "Map keys must satisfy constraint: "
	everyValue   = "Map value must satisfy constraint: "
	word         = "[" + atMost + "4, " + atLeast + "2, " + matching + "[a-z]+]"
	shortText    = "[" + atMost + "3, " + atLeast + "0]"

	broken    = "SerializationException"
	listFound = "Start of list found where not expected"
	mapFound  = "Start of structure or map found where not expected."
)

func TestConstraints(t *testing.T) {
	x := strings.Repeat("x", 1024)
	for _, c := range []struct{ name, body, want string }{
		{"nothing", `{}`, "ok"},
		{"everything", `{"Word":"ab","Short":"","Color":"Red","Gift":false,"Count":1,"Change":-1,"Words":["ab"],"Counts":[1,60],
			"Grid":[["ab"]],"Plain":["",""],"Notes":{"ab":""},"Any":{"":""},"Lines":[{"ItemId":"ab"}],
			"Stores":{"":{"City":"ab","Words":["ab"],"Nearby":[{"streetName":"ab"}]}},"Home":{"City":"ab"}}`, "ok"},

		// Lengths, which count UTF-16 units.
		{"as short as may be", `{"Word":"ab"}`, "ok"},
		{"min - 1", `{"Word":"a"}`, failing(of("a", "word", atLeast+"2"))},
		{"as long as may be", `{"Word":"abcd"}`, "ok"},
		{"max + 1", `{"Word":"abcde"}`, failing(of("abcde", "word", atMost+"4"))},
		{"3 letters of 2 bytes", `{"Short":"äöü"}`, "ok"},
		{"3 letters of 3 bytes", `{"Short":"日本語"}`, "ok"},
		{"4 letters of 3 bytes", `{"Short":"日本語字"}`, failing(of("日本語字", "short", atMost+"3"))},
		{"a letter of 4 bytes counts two", `{"Short":"😀a"}`, "ok"},
		{"two of them count four", `{"Short":"😀😀"}`, failing(of("😀😀", "short", atMost+"3"))},
		{"a pair of escapes is one such letter", `{"Short":"\uD83D\uDE00a"}`, "ok"},
		{"half a pair is no text", `{"Short":"\uD83D"}`, broken},
		{"no length at all", `{"Free":"` + x + x + `"}`, "ok"},

		// Patterns, which must match from end to end, and enums.
		{"another letter", `{"Word":"a-b"}`, failing(of("a-b", "word", matching+"[a-z]+"))},
		{"a match within", `{"Word":"-ab-"}`, failing(of("-ab-", "word", matching+"[a-z]+"))},
		{"a match of the first line", `{"Word":"ab\n"}`, failing(of("ab\n", "word", matching+"[a-z]+"))},
		{"Java's escapes", `{"Latin":"~ÿ"}`, "ok"},
		{"Java's escapes, outside", `{"Latin":"Ā"}`, failing(of("Ā", "latin", matching+`[\u0020-\u00FF]*`))},
		{"Java's blanks", `{"Blank":" \t\n\u000B\f\r"}`, "ok"},
		{"no-break space is none", `{"Blank":"\u00A0"}`, failing(of("\u00A0", "blank", matching+`[\s]*`))},
		{"a value of the enum", `{"Color":"Green"}`, "ok"},
		{"no value of the enum", `{"Color":"green"}`, failing(of("green", "color", oneOf+"[Red, Green]"))},
		{"nothing, for an enum", `{"Color":""}`, failing(of("", "color", oneOf+"[Red, Green]"))},

		// Numbers, which may be written in any way that is an integer.
		{"as small as may be", `{"Count":1}`, "ok"},
		{"too small", `{"Count":0}`, failing(of("0", "count", valueAtLeast+"1"))},
		{"negative", `{"Count":-1}`, failing(of("-1", "count", valueAtLeast+"1"))},
		{"as large as may be", `{"Count":60}`, "ok"},
		{"too large", `{"Count":61}`, failing(of("61", "count", valueAtMost+"60"))},
		{"with an exponent", `{"Count":6e1}`, "ok"},
		{"with zeros", `{"Count":6.0}`, "ok"},
		{"no bounds", `{"Change":-9007199254740991}`, "ok"},
		{"one and a half", `{"Count":1.5}`, "NUMBER_VALUE can not be converted to an Integer"},
		{"2^53", `{"Change":9007199254740992}`, "NUMBER_VALUE can not be converted to an Integer"},
		{"far too large", `{"Change":123456789012345678901234567890}`, "NUMBER_VALUE can not be converted to an Integer"},
		{"larger than any float", `{"Change":1e400}`, broken},
		{"a number as text", `{"Count":"1"}`, "STRING_VALUE can not be converted to an Integer"},

		// Null is absent.
		{"null for what is not required", `{"Word":null,"Gift":null,"Count":null,"Words":null,"Notes":null,"Home":null}`, "ok"},
		{"nothing where something is required", `{"Home":{}}`, failing(at("null", "home.city", notNull))},
		{"null where something is required", `{"Home":{"City":null}}`, failing(at("null", "home.city", notNull))},

		// Lists.
		{"too few members", `{"Words":[]}`, failing(of("[]", "words", atLeast+"1"))},
		{"too many members", `{"Words":["ab","cd","ef"]}`, failing(of("[ab, cd, ef]", "words", atMost+"2"))},
		{"a bad member", `{"Words":["ab","c"]}`, failing(of("[ab, c]", "words", everyMember+word))},
		{"a bad member before a good one", `{"Words":["c","ab"]}`, failing(of("[c, ab]", "words", everyMember+word))},
		{"two bad members are one failure", `{"Words":["a","b"]}`, failing(of("[a, b]", "words", everyMember+word))},
		{
			"too many and bad", `{"Words":["ab","cd","?"]}`,
			failing(of("[ab, cd, ?]", "words", atMost+"2"), of("[ab, cd, ?]", "words", everyMember+word)),
		},
		{"null in a list", `{"Words":["ab",null]}`, failing(of("[ab, null]", "words", everyMember+word))},
		{"null in a list of anything", `{"Plain":[null]}`, failing(of("[null]", "plain", everyMember+"["+notNull+"]"))},
		{"null in a list of structures", `{"Lines":[null]}`, failing(of("[null]", "lines", everyMember+"["+notNull+"]"))},
		{
			"a bad number in a list", `{"Counts":[1,61]}`,
			failing(of("[1, 61]", "counts", everyMember+"["+valueAtMost+"60, "+valueAtLeast+"1]")),
		},
		{
			"a bad text in a list of lists", `{"Grid":[["ab"],["c"]]}`,
			failing(of("[[ab], [c]]", "grid", everyMember+"["+atMost+"2, "+atLeast+"1]")),
		},

		// Maps.
		{"too many entries", `{"Notes":{"aa":"","bb":"","cc":""}}`, failing(of("{aa=, bb=, cc=}", "notes", atMost+"2"))},
		{"a bad key", `{"Notes":{"A":"x"}}`, failing(of("{A=x}", "notes", everyKey+word))},
		{"a bad value", `{"Notes":{"ab":"long"}}`, failing(of("{ab=long}", "notes", everyValue+shortText))},
		{
			"a bad value before a good one", `{"Notes":{"aa":"long","ab":""}}`,
			failing(of("{aa=long, ab=}", "notes", everyValue+shortText)),
		},
		{"a bad key before a good one", `{"Notes":{"A":"","ab":""}}`, failing(of("{A=, ab=}", "notes", everyKey+word))},
		{
			"a bad key and a bad value", `{"Notes":{"zz":"long","A":""}}`,
			failing(of("{A=, zz=long}", "notes", everyKey+word), of("{A=, zz=long}", "notes", everyValue+shortText)),
		},
		{"null in a map", `{"Any":{"a":null}}`, failing(of("{a=null}", "any", everyValue+"["+notNull+"]"))},
		{"null in a map of structures", `{"Stores":{"a":null}}`, failing(of("{a=null}", "stores", everyValue+"["+notNull+"]"))},

		// Structures are told by their own path.
		{
			"in a list", `{"Lines":[{"ItemId":"ab"},{"ItemId":"?","Note":"long"}]}`,
			failing(of("?", "lines.2.member.itemId", atLeast+"2"), of("?", "lines.2.member.itemId", matching+"[a-z]+"),
				of("long", "lines.2.member.note", atMost+"3")),
		},
		{"required in a list", `{"Lines":[{}]}`, failing(at("null", "lines.1.member.itemId", notNull))},
		{"in a map", `{"Stores":{"N.Y":{"City":"?!"}}}`, failing(of("?!", "stores.N.Y.member.city", matching+"[a-z]+"))},
		{
			"in the order of the keys", `{"Stores":{"b":{},"a":{}}}`,
			failing(at("null", "stores.a.member.city", notNull), at("null", "stores.b.member.city", notNull)),
		},
		{
			"in a list in a map", `{"Stores":{"a":{"City":"ab","Nearby":[{},{"streetName":"A?"}]}}}`,
			failing(of("A?", "stores.a.member.nearby.2.member.streetName", matching+"[a-z]+")),
		},
		{"in a structure", `{"Home":{"City":"ab","Words":["?"]}}`, failing(of("[?]", "home.words", everyMember+word))},

		// Several failures stand in the order of the members.
		{
			"several", `{"Count":61,"Color":"Blue","Word":"abcd!"}`,
			failing(of("abcd!", "word", atMost+"4"), of("abcd!", "word", matching+"[a-z]+"),
				of("Blue", "color", oneOf+"[Red, Green]"), of("61", "count", valueAtMost+"60")),
		},

		// A wrong type comes before any constraint, and alone.
		{"a wrong type behind a failure", `{"Word":"?","Count":"?"}`, "STRING_VALUE can not be converted to an Integer"},
		{"a wrong type in a failed list", `{"Words":["?","?",3]}`, "NUMBER_VALUE can not be converted to a String"},
		{"a wrong type in a failed map", `{"Notes":{"A":"long","B":[]}}`, listFound},

		// Names.
		{"unknown members", `{"word":"?","Extra":{"Word":[1]},"":null}`, "ok"},
		{"names are case-sensitive", `{"WORD":"?"}`, "ok"},
		{"a name of the JSON tag", `{"Home":{"City":"ab","Nearby":[{"URLName":"?"}]}}`, "ok"},
		{"a name twice", `{"Word":"ab","Word":"ab"}`, broken},
		{"a name twice, in depth", `{"Any":{"a":"","\u0061":""}}`, broken},
		{"an unknown name twice", `{"x":1,"x":1}`, broken},

		// What is echoed is cut after 1,024 bytes, between letters.
		{"1,024 bytes", `{"Short":"` + x + `"}`, failing(of(x, "short", atMost+"3"))},
		{"1,025 bytes", `{"Short":"` + x + `y"}`, failing(of(x, "short", atMost+"3"))},
		{"1,025 bytes, cut within a letter", `{"Short":"y` + x[:1022] + `😀"}`, failing(of("y"+x[:1022], "short", atMost+"3"))},
		{"a long list", `{"Words":["` + x + x + `"]}`, failing(of("["+x[:1023], "words", everyMember+word))},
		{
			"a long key in a path", `{"Stores":{"` + x + `yz":{"City":"A!"}}}`,
			failing(of("A!", "stores."+x+".member.city", matching+"[a-z]+"), of("{"+x[:1023], "stores", everyKey+shortText)),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readOrder(c.body)
			if diff := cmp.Diff(c.want, verdict(err)); diff != "" {
				t.Errorf("%.200s: -want +got:\n%s", c.body, diff)
			}
		})
	}
}

// Required members of the request itself have a path of one step.
func TestConstraintsOfTheRequest(t *testing.T) {
	_, err := readLine(`{"Note":"long"}`)
	if want := failing(at("null", "itemId", notNull), of("long", "note", atMost+"3")); verdict(err) != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// A megabyte of empty structures would else be answered with a hundred megabytes of text.
func TestConstraintsAreNamedUpToFifty(t *testing.T) {
	_, err := readOrder(`{"Lines":[` + strings.TrimSuffix(strings.Repeat("{},", 300_000), ",") + `]}`)
	got := verdict(err)
	if !strings.HasPrefix(got, "ValidationException: 50 validation errors detected: ") || len(got) > 10_000 {
		t.Errorf("%d bytes: %.200s", len(got), got)
	}
}

// Every pair of a type that is expected and one that is given.
func TestWrongTypes(t *testing.T) {
	given := map[string]string{"text": `"1"`, "number": `1`, "true": `true`, "false": `false`, "list": `[]`, "map": `{}`}
	const to = "_VALUE can not be converted to "
	for _, c := range []struct{ member, given, want string }{
		{"Word", "number", "NUMBER" + to + "a String"},
		{"Word", "true", "TRUE" + to + "a String"},
		{"Word", "false", "FALSE" + to + "a String"},
		{"Word", "list", listFound},
		{"Word", "map", mapFound},

		{"Count", "text", "STRING" + to + "an Integer"},
		{"Count", "true", "TRUE" + to + "an Integer"},
		{"Count", "false", "FALSE" + to + "an Integer"},
		{"Count", "list", listFound},
		{"Count", "map", mapFound},

		{"Gift", "text", "STRING" + to + "a Boolean"},
		{"Gift", "number", "NUMBER" + to + "a Boolean"},
		{"Gift", "list", listFound},
		{"Gift", "map", mapFound},

		{"Plain", "text", "Expected list or null"},
		{"Plain", "number", "Expected list or null"},
		{"Plain", "true", "Expected list or null"},
		{"Plain", "false", "Expected list or null"},
		{"Plain", "map", mapFound},

		{"Any", "text", "Expected map or null"},
		{"Any", "number", "Expected map or null"},
		{"Any", "true", "Expected map or null"},
		{"Any", "false", "Expected map or null"},
		{"Any", "list", listFound},

		{"Home", "text", "Expected map or null"},
		{"Home", "number", "Expected map or null"},
		{"Home", "true", "Expected map or null"},
		{"Home", "false", "Expected map or null"},
		{"Home", "list", listFound},
	} {
		t.Run(c.given+" for "+c.member, func(t *testing.T) {
			_, err := readOrder(`{"` + c.member + `":` + given[c.given] + `}`)
			var m mismatch
			if !errors.As(err, &m) || err.Error() != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestFillSetsEveryMember(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name, body string
		want       order
	}{
		{"nothing", `{}`, order{}},
		{"true", `{"Gift":true}`, order{Gift: &yes}},
		{"false is not absent", `{"Gift":false}`, order{Gift: &no}},
		{"null is absent", `{"Gift":null,"Home":null}`, order{}},
		{"an empty list is not absent", `{"Plain":[],"Lines":[]}`, order{Plain: []string{}, Lines: []orderLine{}}},
		{"an empty map is not absent", `{"Any":{}}`, order{Any: map[string]string{}}},
		{"texts", `{"Free":"\u0000 äöü 😀","Word":"ab"}`, order{Free: "\x00 äöü 😀", Word: "ab"}},
		{"numbers", `{"Count":2,"Change":-3,"Counts":[4,5]}`, order{Count: 2, Change: -3, Counts: []int64{4, 5}}},
		{"lists", `{"Grid":[["ab","cd"],["ef"]]}`, order{Grid: [][]string{{"ab", "cd"}, {"ef"}}}},
		{
			"structures", `{"Lines":[{"ItemId":"ab"},{"ItemId":"cd","Note":"x"}],"Home":{"City":"ef","Nearby":[{"streetName":"gh"}]}}`,
			order{Lines: []orderLine{{ItemId: "ab"}, {ItemId: "cd", Note: "x"}}, Home: &store{City: "ef", Nearby: []store2{{URLName: "gh"}}}},
		},
		{
			"maps", `{"Any":{"a":"b","":""},"Stores":{"x":{"City":"ab"}}}`,
			order{Any: map[string]string{"a": "b", "": ""}, Stores: map[string]store{"x": {City: "ab"}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := readOrder(c.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, in); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Not one error repeats a secret, a part of one, or what holds one.
func TestSecretsAreNotEchoed(t *testing.T) {
	const secret = "[" + atMost + "4, " + atLeast + "3, " + matching + "[a-z]+]"
	const good = `{"Key":"abc","Keys":[],"Logins":{},"Names":{},"Rooms":[],"Doors":{},"Nested":{},"Number":1}`
	for _, c := range []struct{ name, old, new, want string }{
		{"none", "", "", "ok"},
		{"a text", `"abc"`, `"hush!"`, failing(at("", "key", atMost+"4"), at("", "key", matching+"[a-z]+"))},
		{"none at all", `"abc"`, `null`, failing(at("null", "key", notNull))},
		{"a wrong type", `"abc"`, `["hush"]`, listFound},
		{"a list's member", `"Keys":[]`, `"Keys":["hush!"]`, failing(at("", "keys", everyMember+secret))},
		{"a list, too long", `"Keys":[]`, `"Keys":["hush","hush","hush"]`, failing(at("", "keys", atMost+"2"))},
		{"a map's value", `"Logins":{}`, `"Logins":{"ab":"hush!"}`, failing(at("", "logins", everyValue+secret))},
		{"a map's value, beside a bad key", `"Logins":{}`, `"Logins":{"A":"hush"}`, failing(at("", "logins", everyKey+word))},
		{"a map's key", `"Names":{}`, `"Names":{"hush!":""}`, failing(at("", "names", everyKey+secret))},
		{
			"in a structure", `"Rooms":[]`, `"Rooms":[{"Key":"hush!"}]`,
			failing(at("", "rooms.1.member.key", atMost+"4"), at("", "rooms.1.member.key", matching+"[a-z]+")),
		},
		{
			"in too many structures", `"Rooms":[]`, `"Rooms":[{"Key":"hush"},{"Key":"hush"},{"Key":"hush"}]`,
			failing(at("", "rooms", atMost+"2")),
		},
		{"a key in a path", `"Doors":{}`, `"Doors":{"hush":{}}`, failing(at("null", "doors.*.member.key", notNull))},
		{
			"in lists of lists", `"Nested":{}`, `"Nested":{"hush":[["hush!"]]}`,
			failing(at("", "nested", everyValue+"["+atMost+"2]")),
		},
		{"a number", `"Number":1`, `"Number":3`, failing(at("", "number", valueAtMost+"2"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readVault(strings.Replace(good, c.old, c.new, 1))
			got, want := verdict(err), strings.ReplaceAll(c.want, "Value  at", "Value at")
			if got != want || strings.Contains(got, "hush") {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

func TestLowerCamel(t *testing.T) {
	for name, want := range map[string]string{
		"":                               "",
		"arn":                            "arn",
		"URL":                            "url",
		"Url":                            "url",
		"IdentityPoolId":                 "identityPoolId",
		"OpenIdConnectProviderARNs":      "openIdConnectProviderARNs",
		"OpenIDConnectProviderArn":       "openIDConnectProviderArn",
		"RoleARN":                        "roleARN",
		"SAMLMetadataDocument":           "samlMetadataDocument",
		"SAMLProviderArn":                "samlProviderArn",
		"AllowUnauthenticatedIdentities": "allowUnauthenticatedIdentities",
		"ÄrgerÜber":                      "ärgerÜber",
	} {
		if got := lowerCamel(name); got != want {
			t.Errorf("lowerCamel(%q) = %q, want %q", name, got, want)
		}
	}
}

// A mistake in an operation's table is found when the table is read, not when a request comes.
func TestCompileRefuses(t *testing.T) {
	for name, in := range map[string]any{
		"floats":          struct{ X float64 }{},
		"bytes":           struct{ X []byte }{},
		"anything":        struct{ X any }{},
		"pointers twice":  struct{ X **string }{},
		"keys of numbers": struct{ X map[int]string }{},
		"hidden members":  struct{ x string }{},
		"in a list":       struct{ X []struct{ X chan int } }{},
		"a pattern of Perl": struct {
			X string `api:"Perl"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("%T was taken", in)
				}
			}()
			Shapes{"Perl": {Pattern: `(?=x)`}}.compile(reflect.TypeOf(in), "")
		})
	}
}
