// A check that allows the requests for which a tree of conditions is true.
package main

import (
	_ "embed"
	"slices"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/settings"
)

// Settings are the settings that settings.schema.json describes.
type Settings struct {
	Condition Condition `json:"condition"`
}

// Condition has one member that is not nil.
type Condition struct {
	All      []Condition `json:"all"`
	Any      []Condition `json:"any"`
	None     []Condition `json:"none"`
	Compare  *Compare    `json:"compare"`
	Equals   *Text       `json:"equals"`
	Contains *Text       `json:"contains"`
	Network  *Networks   `json:"network"`
}

// Compare compares an argument with a number.
type Compare struct {
	Argument string  `json:"argument"`
	Is       string  `json:"is"`
	Number   float64 `json:"number"`
}

// Text compares a claim with a text.
type Text struct {
	Claim string `json:"claim"`
	Text  string `json:"text"`
}

// Networks compares an attribute with networks.
type Networks struct {
	Attribute string    `json:"attribute"`
	In        []Network `json:"in"`
}

// Truth is a logic of three values, in which `min` is "and", and `max` is "or".
type Truth int

// The values. Missing depends on an input that is missing.
const (
	False Truth = iota
	Missing
	True
)

//go:embed settings.schema.json
var schema string

func init() { settings.Check(schema, check) }

func check(ctx *guardhouse.AuthContext, settings *Settings) (bool, error) {
	answer := settings.Condition.evaluate(ctx)
	if answer == Missing {
		return false, guardhouse.Deny("an input of the policy is missing or has another type")
	}
	return answer == True, nil
}

// evaluate calls itself no deeper than the schema allows conditions to be inside each other.
func (condition *Condition) evaluate(ctx *guardhouse.AuthContext) Truth {
	switch {
	case condition.All != nil:
		answer := True
		for i := 0; i < len(condition.All) && answer != False; i++ {
			answer = min(answer, condition.All[i].evaluate(ctx))
		}
		return answer
	case condition.Any != nil:
		return anyOf(condition.Any, ctx)
	case condition.None != nil:
		return True - anyOf(condition.None, ctx)
	case condition.Compare != nil:
		return condition.Compare.evaluate(ctx)
	case condition.Equals != nil:
		var claim string
		if found, err := ctx.ClaimInto(condition.Equals.Claim, &claim); !found || err != nil {
			return Missing
		}
		return truth(claim == condition.Equals.Text)
	case condition.Contains != nil:
		var claim []string
		if found, err := ctx.ClaimInto(condition.Contains.Claim, &claim); !found || err != nil {
			return Missing
		}
		return truth(slices.Contains(claim, condition.Contains.Text))
	case condition.Network != nil:
		return condition.Network.evaluate(ctx)
	}
	panic("a condition without a member")
}

func anyOf(conditions []Condition, ctx *guardhouse.AuthContext) Truth {
	answer := False
	for i := 0; i < len(conditions) && answer != True; i++ {
		answer = max(answer, conditions[i].evaluate(ctx))
	}
	return answer
}

func (compare *Compare) evaluate(ctx *guardhouse.AuthContext) Truth {
	// Argument panics if a float64 would round the number.
	argument, _ := ctx.Argument(compare.Argument)
	number, ok := argument.(float64)
	if !ok {
		return Missing
	}
	switch compare.Is {
	case "<":
		return truth(number < compare.Number)
	case "<=":
		return truth(number <= compare.Number)
	case "=":
		return truth(number == compare.Number)
	case ">=":
		return truth(number >= compare.Number)
	case ">":
		return truth(number > compare.Number)
	}
	panic("an unknown comparison")
}

func (networks *Networks) evaluate(ctx *guardhouse.AuthContext) Truth {
	value, _ := ctx.Attribute(networks.Attribute)
	text, _ := value.(string)
	address, err := parseAddress(text)
	if err != nil {
		return Missing
	}
	return truth(slices.ContainsFunc(networks.In, func(network Network) bool { return network.Contains(address) }))
}

func truth(value bool) Truth {
	if value {
		return True
	}
	return False
}

// main is never called: the host calls check.
func main() {}
