package rules

import "fmt"

// CloudFormation makes resources in any order that their references allow. A
// deployment is a snapshot of the methods and gateway responses made before it.
var deploymentWaits = Rule{
	Name:     "TH-DeploymentWaits",
	Sentence: "A deployment depends on the methods and gateway responses of its API, or it may go live without them.",
	api: func(a *API, found found) {
		for _, d := range a.Deployments {
			var missing []Place
			for _, needed := range d.Needs {
				if !d.Waits[needed.LogicalID] {
					missing = append(missing, needed)
				}
			}
			if len(missing) > 0 {
				found(d.Place, nil, fmt.Sprintf("does not wait for %s and %d more methods and gateway responses: "+
					"add DependsOn (CDK: deployment.Node().AddDependency(api))", missing[0], len(missing)-1))
			}
		}
	},
}
