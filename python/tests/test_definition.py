"""What is refused while steps and pipelines are defined, and what is said then."""

import unittest
from typing import List, Literal, Optional, Union

from mlwright import (
    Dataset,
    DefinitionError,
    Input,
    Model,
    ValueRefused,
    each,
    first_of,
    on_exit,
    otherwise,
    pipeline,
    step,
    when,
)

from . import steps as s


class Refused(unittest.TestCase):
    def refused(self, define, *words, error=DefinitionError):
        with self.assertRaises(error) as caught:
            define()
        for word in words:
            self.assertIn(word, str(caught.exception))

    def in_pipeline(self, body, *words, error=DefinitionError):
        def function():
            body()

        self.refused(lambda: pipeline(function).plan(), *words, error=error)

    def test_a_parameter_without_a_type(self):
        def work(x):
            pass

        self.refused(lambda: step(work), "`x` of step `work` has no type", "hint: annotate it")

    def test_a_type_that_cannot_travel(self):
        def work(x: object):
            pass

        def several(x: Union[int, str]):
            pass

        self.refused(lambda: step(work), "`x` of step `work`", "`object` cannot travel between steps", "Input[…]")
        self.refused(lambda: step(several), "may be several things")

    def test_a_returned_artifact(self):
        def work() -> Model:
            return Model()

        self.refused(lambda: step(work), "returns is an artifact", "model: Output[Model]")

    def test_stars_coroutines_and_things_that_are_no_function(self):
        def work(*xs: int):
            pass

        async def later():
            pass

        self.refused(lambda: step(work), "takes `*xs`")
        self.refused(lambda: step(later), "asynchronous")
        self.refused(lambda: step("train"), "no function")
        self.refused(lambda: pipeline(3), "no function")

    def test_options_that_are_unknown_or_wrong(self):
        def work():
            pass

        self.refused(lambda: step(retrys=1)(work), "no option `retrys`", "retries")
        self.refused(lambda: step(retries="2")(work), "`retries` of step `work` is '2', not int")
        self.refused(lambda: step(timeout="soon")(work), "no length of time", "1h30m")
        self.refused(lambda: step(timeout=0)(work), "zero")
        self.refused(lambda: step(packages="numpy")(work), "['scikit-learn==1.7.2']")

    def test_a_default_of_another_type(self):
        def work(x: int = "three"):
            pass

        self.refused(lambda: step(work), "takes an integer, not 'three' (str)", error=ValueRefused)

    def test_names_that_are_no_part_of_a_path(self):
        def work():
            pass

        self.refused(lambda: step(name="../up")(work), "no usable name")

    def test_inputs_that_are_missing_unknown_doubled_or_too_many(self):
        self.in_pipeline(lambda: s.double(), "input `x` of `double` is missing; it takes an integer")
        self.in_pipeline(lambda: s.double(y=1), "no input `y`; it has `x`")
        self.in_pipeline(lambda: s.double(1, x=1), "`x` twice")
        self.in_pipeline(lambda: s.double(1, 2), "takes 1 inputs, and 2 were given")

    def test_an_output_that_a_caller_gives(self):
        self.in_pipeline(lambda: s.load(rows=1, data="x"), "`data` is an output of `load`", "leave it out")

    def test_values_and_outputs_of_the_wrong_kind(self):
        self.in_pipeline(lambda: s.double("2"), "takes an integer, not '2' (str)", error=ValueRefused)
        self.in_pipeline(lambda: s.double(s.keep()), "takes an integer; output `output` of `keep` is a text")
        self.in_pipeline(lambda: s.double(s.load(1).outputs.output), "is a list", "loop over it with `each`")
        self.in_pipeline(lambda: s.deploy(s.load(1).outputs.data, 1.0), "system.Model", "system.Dataset")
        self.in_pipeline(lambda: s.deploy("model.bin", 1.0), "not 'model.bin'", "external")

    def test_an_output_that_is_not_there_or_is_one_of_several(self):
        self.in_pipeline(lambda: s.load(1).outputs.model, "`load` has no output `model`; it has `data`, `output`")
        self.in_pipeline(lambda: s.double(s.train(s.load(1).outputs.data, 1)), "has several outputs", ".outputs.model")
        self.in_pipeline(lambda: s.double(s.report_nothing()), "has no outputs", "return type")

    def test_values_that_are_used_as_if_they_were_known(self):
        def unless():
            if s.double(1) > 1:
                s.double(2)

        def loop():
            for _ in s.load(1).outputs.output:
                pass

        self.in_pipeline(unless, "known only when the pipeline runs", "with when(")
        self.in_pipeline(loop, "with each(")
        self.in_pipeline(lambda: s.echo(f"got {s.keep().output}"), "cannot be part of a text")

    def test_blocks_at_the_wrong_place(self):
        self.refused(lambda: each([1]).__enter__(), "outside of a pipeline", "@pipeline")
        self.in_pipeline(lambda: otherwise().__enter__(), "does not follow a `when`")
        self.in_pipeline(lambda: each("abc").__enter__(), "no list")
        self.in_pipeline(lambda: each(s.double(1)).__enter__(), "cannot loop over it")
        self.in_pipeline(lambda: each([1], limit=0).__enter__(), "limit 0")
        self.in_pipeline(lambda: each([1, "a"]).__enter__(), "integer and text")
        self.in_pipeline(lambda: when(True).__enter__(), "known already")
        self.in_pipeline(lambda: when(s.double(1) > "a").__enter__(), "is an integer, and is compared with 'a'")
        self.in_pipeline(lambda: on_exit(print).__enter__(), "takes a step")

    def test_a_block_in_which_nothing_runs(self):
        def body():
            with each([1, 2]):
                pass

        self.in_pipeline(body, "nothing runs in the block `each-1`")

    def test_an_item_outside_of_its_loop(self):
        def body():
            with each([1, 2]) as item:
                s.double(item)
            s.double(item)

        self.in_pipeline(body, "the item exists only inside its loop")

    def test_tasks_that_wait_for_each_other(self):
        def body():
            one = s.double(1)
            two = s.double(one)
            one.after(two)

        self.in_pipeline(body, "wait for each other", "double → double-2 → double")

    def test_outputs_of_another_pipeline(self):
        kept = []

        @pipeline
        def first():
            kept.append(s.double(1))

        first.plan()
        self.in_pipeline(lambda: s.double(kept[0]), "different pipelines")

    def test_first_of_different_kinds(self):
        self.in_pipeline(lambda: first_of(s.double(1), s.keep()), "is an integer", "is a text")

    def test_a_pipeline_that_runs_nothing_or_returns_something_known(self):
        @pipeline
        def nothing():
            pass

        @pipeline
        def known():
            s.double(1)
            return 5

        self.refused(nothing.plan, "runs nothing")
        self.refused(known.plan, "returns 5 as `output`", "return outputs of steps")

    def test_inputs_of_a_run(self):
        self.refused(lambda: s.choose.local(cols=1), "no input `cols`; it has `rows`, `least`")
        self.refused(lambda: s.choose.local(rows="many"), "takes an integer, not 'many'", error=ValueRefused)
        self.refused(lambda: s.choose.local(least=float("nan")), "JSON cannot hold", error=ValueRefused)

    def test_literals_and_optionals_are_read(self):
        @step
        def work(size: Literal["s", "m"], data: Optional[Input[Dataset]] = None, ks: List[int] = [1]):
            pass

        self.assertEqual(work.inputs["size"].to_json(), {"of": "text", "optional": False, "allowed": ["s", "m"]})
        self.assertTrue(work.inputs["data"].optional and work.inputs["data"].kind.is_artifact)
        self.assertEqual(work.inputs["ks"].default, [1])
        self.in_pipeline(lambda: work("xl"), "not one of 's', 'm'", error=ValueRefused)

    def test_outside_of_a_pipeline_a_step_is_its_function(self):
        self.assertEqual(s.double(4), 8)
        self.assertEqual(s.echo("a", 2), "aa")
