// A check that allows the components and actions that match a pattern of one of the caller's roles.
package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/settings"
)

// Settings are the settings that settings.schema.json describes.
type Settings struct {
	// Claim is the JSON pointer of the list of roles.
	Claim string          `json:"claim"`
	Roles map[string]Role `json:"roles"`
}

// Role is the rules of a role.
type Role struct {
	Allow []Rule `json:"allow"`
	Deny  []Rule `json:"deny"`
}

// Rule matches some actions on some components.
type Rule struct {
	Component string `json:"component"`
	// Action is a pattern; nil for every action.
	Action *string `json:"action"`

	kind, name, action *regexp.Regexp
}

//go:embed settings.schema.json
var schema string

func init() { settings.Check(schema, check) }

func check(ctx *guardhouse.AuthContext, settings *Settings) (bool, error) {
	var names []string
	if found, err := ctx.ClaimInto(settings.Claim, &names); !found || err != nil {
		return false, nil
	}
	// `reports/**` must not match `reports/../salaries`.
	for segment := range strings.SplitSeq(ctx.Component.Name, "/") {
		if segment == "." || segment == ".." {
			return false, nil
		}
	}
	matches := func(rule Rule) bool { return rule.matches(ctx) }
	allowed := false
	for _, name := range names {
		role := settings.Roles[name]
		if slices.ContainsFunc(role.Deny, matches) {
			component := ctx.Component.Kind + ":" + ctx.Component.Name
			return false, guardhouse.Deny(fmt.Sprintf("role `%s` must not use `%s`", name, component))
		}
		allowed = allowed || slices.ContainsFunc(role.Allow, matches)
	}
	return allowed, nil
}

func (rule *Rule) matches(ctx *guardhouse.AuthContext) bool {
	return rule.kind.MatchString(ctx.Component.Kind) &&
		rule.name.MatchString(ctx.Component.Name) &&
		rule.action.MatchString(ctx.Action)
}

// Validate compiles the patterns, once for all requests. The schema has rejected invalid ones.
func (settings *Settings) Validate() error {
	for _, role := range settings.Roles {
		for _, rules := range [][]Rule{role.Allow, role.Deny} {
			for i := range rules {
				rules[i].compile()
			}
		}
	}
	return nil
}

func (rule *Rule) compile() {
	kind, name, _ := strings.Cut(rule.Component, ":")
	action := "**"
	if rule.Action != nil {
		action = *rule.Action
	}
	rule.kind, rule.name, rule.action = pattern(kind), pattern(name), pattern(action)
}

var wildcards = strings.NewReplacer(`\*\*`, `(?s:.*)`, `\*`, `[^/]*`, `\?`, `[^/]`)

// pattern returns the regular expression of a pattern. Go matches it in linear time.
func pattern(text string) *regexp.Regexp {
	glob := func(text string) string { return wildcards.Replace(regexp.QuoteMeta(text)) }
	before, rest, _ := strings.Cut(text, "{")
	alternatives, after, _ := strings.Cut(rest, "}")
	group := "(?:" + strings.ReplaceAll(glob(alternatives), ",", "|") + ")"
	return regexp.MustCompile("^" + glob(before) + group + glob(after) + "$")
}

// main is never called: the host calls check.
func main() {}
