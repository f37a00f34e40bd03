"""The document that a server reads: the words of crates/stages/pipelines/src/plan.rs."""

import json
import unittest

from mlwright import (
    Dataset,
    Input,
    approve,
    each,
    external,
    on_exit,
    otherwise,
    pipeline,
    step,
    when,
)

from . import steps as s


def plan(function):
    return pipeline(function).plan().to_json()


def task(graph, name):
    return next(task for task in graph["tasks"] if task["name"] == name)


class Plans(unittest.TestCase):
    def test_a_step_is_a_work_with_ports_and_its_task_has_bindings(self):
        def body(rows: int = 3):
            s.train(s.load(rows).outputs.data, depth=2)

        document = plan(body)
        self.assertEqual(document["root"]["inputs"], {"rows": {"of": "integer", "optional": False, "default": 3}})
        train = task(document["root"], "train")
        self.assertEqual(
            train["inputs"],
            {"data": {"from": {"output": {"task": "load", "port": "data"}}}, "depth": {"from": {"constant": 2}}},
        )
        self.assertEqual(train["needs"], ["load"])
        self.assertEqual(train["retry"], {"max": 2, "backoff_ms": 1, "factor": 0.0})
        self.assertEqual(task(document["root"], "load")["inputs"], {"rows": {"from": {"input": "rows"}}})
        work = document["components"]["train"]["work"]
        self.assertEqual(work["kind"], "python")
        self.assertEqual(work["outputs"]["model"]["of"], {"artifact": {"schema": "system.Model", "list": False}})
        self.assertEqual(work["outputs"]["score"]["of"], "number")

    def test_a_second_call_has_a_name_of_its_own_and_the_same_component(self):
        def body():
            s.double(s.double(1))

        document = plan(body)
        self.assertEqual([t["name"] for t in document["root"]["tasks"]], ["double", "double-2"])
        self.assertEqual(list(document["components"]), ["double"])

    def test_a_loop_takes_what_it_reads_from_outside_through_inputs_and_gives_lists(self):
        document = s.choose.plan().to_json()
        loop = task(document["root"], "each-1")
        self.assertEqual(
            loop["each"],
            {"items": {"from": {"output": {"task": "load", "port": "output"}}}, "item": "item", "limit": 2},
        )
        self.assertEqual(loop["inputs"], {"load.data": {"from": {"output": {"task": "load", "port": "data"}}}})
        body = document["components"]["each-1"]["graph"]
        self.assertEqual(body["inputs"]["item"]["of"], "integer")
        self.assertEqual(task(body, "train")["inputs"]["depth"], {"from": {"input": "item"}})
        self.assertEqual(body["outputs"]["train.score"], {"output": {"task": "train", "port": "score"}})
        chosen = task(document["root"], "best")
        self.assertEqual(chosen["inputs"]["models"], {"from": {"output": {"task": "each-1", "port": "train.model"}}})
        self.assertEqual(chosen["needs"], ["each-1"])

    def test_conditions_are_cel_and_the_first_of_two_stands_in_a_graph_of_its_own(self):
        document = s.choose.plan().to_json()
        branch = document["components"]["branch-1"]["graph"]
        self.assertEqual(
            task(branch, "when-1")["when"],
            "inputs.parameter_values['best.output'] > inputs.parameter_values['least']",
        )
        self.assertEqual(
            branch["outputs"],
            {"first-1": {"first_of": [["when-1", "deploy.output"], ["otherwise-1", "keep.output"]]}},
        )
        self.assertEqual(document["root"]["outputs"]["what"], {"output": {"task": "branch-1", "port": "first-1"}})

    def test_constants_in_conditions_are_of_the_kind_that_they_are_compared_with(self):
        def body(name: str = "a", ok: bool = True, least: float = 0.5):
            with when((name == 'it\'s "ä"') & ~(least > 1) | (ok == False)):  # noqa: E712
                s.double(1)
            with otherwise(ok):
                s.double(2)

        document = plan(body)
        self.assertEqual(
            task(document["root"], "when-1")["when"],
            "((inputs.parameter_values['name'] == \"it's \\\"ä\\\"\") && (!(inputs.parameter_values['least'] > 1.0)))"
            " || (inputs.parameter_values['ok'] == false)",
        )
        self.assertTrue(
            task(document["root"], "otherwise-1")["when"].endswith("(inputs.parameter_values['ok'] == true)")
        )

    def test_parts_of_dicts_and_lists_are_selected(self):
        def body():
            found = s.settings().output
            s.double(found["depth"])
            s.echo(found["names"][1])
            with each([{"a": 1}, {"a": 2}]) as item:
                with when(item["a"] > 1):
                    s.double(item["a"])

        document = plan(body)
        source = {"output": {"task": "settings", "port": "output"}}
        self.assertEqual(
            task(document["root"], "double")["inputs"]["x"],
            {"from": source, "select": 'parseJson(string_value)["depth"]'},
        )
        self.assertEqual(
            task(document["root"], "echo")["inputs"]["text"]["select"], 'parseJson(string_value)["names"][1]'
        )
        loop = document["components"]["each-1"]["graph"]
        self.assertEqual(loop["inputs"]["item"]["of"], "map")
        self.assertEqual(task(loop, "when-1")["when"], "inputs.parameter_values['item'][\"a\"] > 1")
        inner = document["components"]["when-1"]["graph"]
        self.assertEqual(
            task(inner, "double")["inputs"]["x"],
            {"from": {"input": "item"}, "select": 'parseJson(string_value)["a"]'},
        )

    def test_an_untyped_item_is_what_its_reader_takes_it_for(self):
        def body(xs: list):
            with each(xs) as x:
                s.double(x)

        self.assertEqual(plan(body)["components"]["each-1"]["graph"]["inputs"]["item"]["of"], "integer")

    def test_an_exit_handler_runs_after_all_and_hears_how_it_went(self):
        def body():
            with on_exit(s.tell, channel="ml"):
                s.double(1)

        document = plan(body)
        handler = task(document["root"], "tell")
        self.assertEqual(handler["rule"], "all_done")
        self.assertEqual(handler["needs"], ["guarded-1"])
        self.assertEqual(handler["inputs"]["status"], {"from": {"status": {"task": "guarded-1"}}})
        self.assertFalse(handler["cache"], "who is told that it failed must be told again")

    def test_order_without_data_is_between_tasks_of_one_graph(self):
        def body():
            with each([1, 2]) as x:
                one = s.double(x)
            s.double(3).after(one)

        self.assertEqual(task(plan(body)["root"], "double")["needs"], ["each-1"])

    def test_approvals_and_external_artifacts_are_components(self):
        @step
        def read(data: Input[Dataset]) -> int:
            return 1

        def body(where: str = "s3://b/k"):
            yes = approve("Go on?")
            read(external(where, Dataset, metadata={"rows": 3})).after(yes)

        document = plan(body)
        self.assertEqual(document["components"]["approve"], {"approval": {"question": "Go on?"}})
        made = document["components"]["external"]["import"]
        self.assertEqual(made["artifact_type"], "system.Dataset")
        self.assertEqual(made["uri"], {"from": {"input": "uri"}})
        self.assertEqual(task(document["root"], "external")["inputs"], {"uri": {"from": {"input": "where"}}})

    def test_a_pipeline_in_a_pipeline_is_a_graph(self):
        def body():
            inner = s.choose(rows=5)
            s.echo(inner.outputs.what)

        document = plan(body)
        self.assertEqual(task(document["root"], "choose")["inputs"], {"rows": {"from": {"constant": 5}}})
        self.assertIn("graph", document["components"]["choose"])
        self.assertEqual(
            task(document["root"], "echo")["inputs"]["text"], {"from": {"output": {"task": "choose", "port": "what"}}}
        )

    def test_options_of_a_task_are_its_own(self):
        def body():
            s.double(1).with_options(retries=1, backoff=2, timeout="1m", cache=False, pool="gpu", priority=5).named(
                "Twice"
            )

        found = task(plan(body)["root"], "double")
        self.assertEqual(found["retry"]["backoff_ms"], 2000)
        self.assertEqual(
            (found["timeout_ms"], found["cache"], found["pool"], found["priority"], found["display_name"]),
            (60_000, False, "gpu", 5, "Twice"),
        )

    def test_it_is_json(self):
        text = json.dumps(s.choose.plan().to_json(), allow_nan=False)
        self.assertEqual(json.loads(text)["name"], "choose")
