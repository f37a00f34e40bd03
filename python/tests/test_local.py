"""Plans run in this process by the rules of the server."""

import os
import tempfile
import unittest

from mlwright import (
    Artifact,
    Input,
    Output,
    RunFailed,
    each,
    external,
    first_of,
    on_exit,
    otherwise,
    pipeline,
    step,
    when,
)

from . import steps as s


class Here(unittest.TestCase):
    def setUp(self):
        self.before = os.getcwd()
        self.folder = tempfile.TemporaryDirectory()
        os.chdir(self.folder.name)

    def tearDown(self):
        os.chdir(self.before)
        self.folder.cleanup()

    def states(self, run):
        return {step.name: step.state for step in run.steps}


class Runs(Here):
    def test_loops_conditions_and_artifacts(self):
        run = s.choose.local(rows=4)
        self.assertEqual(run.outputs["what"], "3 on 4 at 0.75")
        self.assertEqual(run.outputs["score"], 0.75)
        self.assertEqual(run.outputs["model"].path.read_text(), "3 on 4")
        self.assertTrue(run.folder.is_relative_to(".mlwright/runs"))
        self.assertEqual(self.states(run)["each-1/2/train"], "succeeded")
        self.assertEqual(self.states(run)["branch-1/otherwise-1"], "skipped")
        self.assertEqual(s.choose(rows=4, least=0.9).outputs["what"], "not good enough")

    def test_a_failure_skips_what_needs_it_and_the_exit_handler_runs(self):
        @pipeline
        def broken():
            with on_exit(s.tell, channel="ml"):
                s.double(s.fail("disk full"))
            s.keep()

        with self.assertRaises(RunFailed) as caught:
            broken.local()
        run = caught.exception.run
        self.assertIn("disk full", str(caught.exception))
        self.assertIsInstance(caught.exception.__cause__, RuntimeError)
        self.assertEqual(run.state, "failed")
        self.assertEqual(
            self.states(run),
            {
                "guarded-1": "failed",
                "guarded-1/fail": "failed",
                "guarded-1/double": "skipped",
                "tell": "succeeded",
                "keep": "succeeded",
            },
        )
        self.assertIn("ml: guarded-1 failed", run.step("tell").outputs["page"].path.read_text())
        self.assertEqual(run.step("guarded-1/double").message, "`fail` did not succeed")

    def test_a_step_is_tried_again(self):
        tries = []

        @step(retries=3)
        def flaky() -> int:
            tries.append(1)
            if len(tries) < 3:
                raise OSError("not yet")
            return len(tries)

        @pipeline
        def again():
            return flaky()

        run = again.local()
        self.assertEqual(run.outputs["output"], 3)
        self.assertEqual(run.step("flaky").attempts, 3)

    def test_what_takes_from_a_skipped_block_is_skipped(self):
        @pipeline
        def branches(x: int):
            with when(x > 5):
                big = s.double(x)
            with otherwise(x > 2):
                middle = s.double(1)
            with otherwise():
                small = s.double(0)
            s.echo("big", big)
            return first_of(big, middle, small)

        self.assertEqual([branches.local(x=x).outputs["output"] for x in (7, 3, 1)], [14, 2, 0])
        self.assertEqual(self.states(branches.local(x=7))["echo"], "succeeded")

    def test_nested_loops_give_lists_of_lists_and_empty_ones_give_none(self):
        @pipeline
        def nested(xs: list):
            with each(xs) as x:
                with each([1, 2]) as y:
                    twice = s.double(y)
                sums = s.total(twice.output)
                s.double(x)
            return {"sums": sums.output, "all": twice.output}

        self.assertEqual(nested.local(xs=[1, 2]).outputs, {"sums": [6, 6], "all": [[2, 4], [2, 4]]})
        self.assertEqual(nested.local(xs=[]).outputs, {"sums": [], "all": []})

    def test_parts_optional_inputs_and_whole_numbers_given_as_floats(self):
        @pipeline
        def parts(times: int = 2):
            found = s.settings().output
            return s.echo(found["names"][1], times)

        self.assertEqual(parts.local(times=3.0).outputs["output"], "bbb")

    def test_a_folder_and_a_type_of_ones_own(self):
        @pipeline
        def own():
            return s.count(s.embed())

        self.assertEqual(own.local().outputs["output"], 1)

    def test_an_artifact_from_elsewhere(self):
        @step
        def size(data: Input[Artifact]) -> int:
            return len(data.path.read_text())

        @pipeline
        def outside(where: str):
            return size(external(where, Artifact))

        with open("data.csv", "w") as file:
            file.write("a,b\n")
        self.assertEqual(outside.local(where="data.csv").outputs["output"], 4)

    def test_what_a_step_returns_is_checked(self):
        @step
        def wrong() -> int:
            return "three"  # type: ignore[return-value]

        @step
        def undeclared(x: int):
            return x

        @step
        def strange(model: Output[Artifact]):
            model.metadata["what"] = object()

        for work, words in (
            (lambda: wrong(), "what `wrong` returned takes an integer, not 'three'"),
            (lambda: undeclared(1), "declares no return type"),
            (lambda: strange(), "`what` of the metadata of output `model`"),
        ):
            with self.assertRaises(RunFailed) as caught:
                pipeline(lambda_of(work)).local()
            self.assertIn(words, str(caught.exception))


def lambda_of(work):
    def body():
        work()

    return body
