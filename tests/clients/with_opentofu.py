"""Runs OpenTofu with Grafana's provider against a gateway: create, find, change, import, destroy, and empty plans.

Also reads TOFU and PROVIDER, the paths of both programs. OpenTofu is told where the provider is: it downloads nothing.
"""

import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

from steps import ADMIN, SECRET, TOKEN, URL, end, expect, expect_soon

LOGIN = ":".join(ADMIN)
CHANGES = {"suffix": " changed", "editors": '["tofu@example.com", "new@example.com"]', "role": "Editor"}
VARIABLES = {
    "url": URL,
    "login": LOGIN,
    "token": TOKEN,
    "secret": SECRET,
    "upstream": os.environ["PROMETHEUS_URL"],
}


class Tofu:
    """OpenTofu in a folder of its own."""

    def __init__(self, folder):
        shutil.copy(Path(__file__).parent / "tofu" / "main.tf", folder)
        provider = Path(os.environ["PROVIDER"]).parent
        Path(folder, "rc").write_text(
            f'provider_installation {{ dev_overrides {{ "grafana/grafana" = "{provider}" }} }}\n'
        )
        self.folder = folder
        self.environment = {
            "HOME": folder,
            "TF_CLI_CONFIG_FILE": f"{folder}/rc",
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }
        self.set(**VARIABLES)

    def set(self, **variables):
        """Sets variables for all that follows."""
        self.environment |= {f"TF_VAR_{name}": value for name, value in variables.items()}

    def run(self, *arguments):
        """Runs it; gives its status and what it printed."""
        command = [os.environ["TOFU"], *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )
        return done.returncode, done.stdout + done.stderr

    def does(self, what, *arguments):
        """Ends the run if it fails; gives what it printed."""
        status, said = self.run(*arguments)
        expect(what, (0, ""), (status, said if status else ""))
        return said

    def applies(self, what):
        """Applies, and then finds nothing left to do."""
        said = self.does(what, "apply", "-auto-approve", "-no-color")
        expect(f"{what} prints no secret", False, SECRET in said)
        self.plans_nothing(what)

    def plans_nothing(self, what):
        """Ends the run if a plan has changes, with the plan."""
        status, said = self.run("plan", "-detailed-exitcode", "-no-color")
        expect(f"{what} leaves an empty plan", (0, ""), (status, said if status else ""))

    def ids(self):
        """The ids of everything, by address."""
        state = json.loads(self.does("show", "show", "-json"))["values"]["root_module"]["resources"]
        return {item["address"]: item["values"]["id"] for item in state}

    def found(self):
        """What the data sources of the configuration found."""
        return json.loads(self.does("output", "output", "-json"))


def reads(authorization, org=None):
    """The status that a credential gets for the list of data sources, and their uids."""
    headers = {"Authorization": authorization} | ({"X-Grafana-Org-Id": str(org)} if org else {})
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{URL}/api/datasources", headers=headers)
        ) as answer:
            return answer.status, [item["uid"] for item in json.load(answer)]
    except urllib.error.HTTPError as error:
        return error.code, []


def basic(login, password):
    """A login as a header."""
    return "Basic " + b64encode(f"{login}:{password}".encode()).decode()


def main():
    """Runs all steps."""
    with tempfile.TemporaryDirectory() as folder:
        tofu = Tofu(folder)
        tofu.applies("create")
        found = tofu.found()
        expected = {
            "main": "Of OpenTofu / main",
            "team": "tofu-team",
            "viewers": ["tofu@example.com"],
            "editors": [],
            "user": "tofu",
        }
        expect("data sources by uid and name, organisation and user", expected, found["found"]["value"])
        key = found["key"]["value"]
        expect("the token of the team sees its data source", (200, ["tofu-team"]), reads(f"Bearer {key}"))
        org = tofu.ids()["grafana_organization.team"]
        expect("and so does its user", (200, ["tofu-team"]), reads(basic("tofu", "password of tofu"), org))

        tofu.set(**CHANGES)
        tofu.applies("change")
        found = tofu.found()["found"]["value"]
        expected = {"main": "Of OpenTofu / main changed", "team": "tofu-team", "viewers": [], "user": "tofu"}
        expected["editors"] = ["new@example.com", "tofu@example.com"]
        expect("found again", expected, found | {"editors": sorted(found["editors"])})
        expect_soon(
            "the user's new password", 200, lambda: reads(basic("tofu", "password of tofu changed"))[0]
        )
        expect_soon("the old one is dead", 401, lambda: reads(basic("tofu", "password of tofu"))[0])

        ids = tofu.ids()
        # Not the organisation: the provider forgets its `admin_user` on import, and would remove the administrator.
        for address in ("grafana_data_source.team", "grafana_service_account.robot"):
            tofu.does(f"forget {address}", "state", "rm", address)
            tofu.does(f"import {address}", "import", "-no-color", address, ids[address])
        tofu.applies("import")

        tofu.does("destroy", "destroy", "-auto-approve", "-no-color")
        expect(
            "nothing is left",
            (200, False),
            (reads(f"Bearer {TOKEN}")[0], "tofu-main" in reads(f"Bearer {TOKEN}")[1]),
        )
        expect_soon("the token is dead", 401, lambda: reads(f"Bearer {key}")[0])
        tofu.set(token="glsa_wrong")
        status, said = tofu.run("apply", "-auto-approve", "-no-color")
        expect("a wrong token is refused", (1, True), (status, "401" in said))
    end()


main()
